//! What a page tells its reader to do, step by step: the code blocks of one section and what stands around them.
//!
//! - A block of Python or Java is a file; the text before it ends with its name.
//! - A block of shell is typed: "in a terminal of its own" where the text before it says so. `# exits with 1` is what it
//!   ends with, else 0.
//! - A block of text is what the commands before it print, line by line; spaces count for nothing.
//! - "Ctrl-C" interrupts what was started last in a terminal of its own.

/// One thing to do.
#[derive(Debug)]
pub(crate) enum Step {
    /// Save a file.
    Save { name: String, text: String },
    /// Type commands.
    Run { commands: String, in_own_terminal: bool, exit_code: i32, prints: Vec<String> },
    /// Press Ctrl-C in the terminal that was opened last.
    InterruptLast,
}

/// The steps of the section "A first hour" of `page`.
pub(crate) fn steps(page: &str) -> Vec<Step> {
    let (_, section) = page.split_once("\n## A first hour\n").expect("the page has the section");
    let section = section.split("\n## ").next().expect("a section ends somewhere");
    let mut steps = Vec::new();
    // Between fences: words, a block, words, a block, and words at the end.
    let mut parts = section.split("```");
    loop {
        let words = parts.next().expect("a fence is closed");
        if words.contains("Ctrl-C") {
            steps.push(Step::InterruptLast);
        }
        let Some(block) = parts.next() else { return steps };
        let (language, text) = block.split_once('\n').expect("a block has lines");
        match language {
            "sh" => steps.push(typed(words, text)),
            "text" => match steps.last_mut() {
                Some(Step::Run { prints, .. }) => prints.extend(text.lines().map(str::to_owned)),
                _ => panic!("nothing was typed that could print {text}"),
            },
            "python" | "java" => steps.push(Step::Save { name: named(words), text: text.to_owned() }),
            other => panic!("what is to be done with {other}?"),
        }
    }
}

fn typed(words: &str, commands: &str) -> Step {
    let exit_code = commands
        .split_once("# exits with ")
        .map_or(0, |(_, code)| code.trim().parse().unwrap_or_else(|_| panic!("{commands}: no exit code")));
    let in_own_terminal = words.contains("in a terminal of its own");
    Step::Run { commands: commands.to_owned(), in_own_terminal, exit_code, prints: Vec::new() }
}

fn named(words: &str) -> String {
    words.rsplit('`').nth(1).expect("the file has a name").to_owned()
}

#[test]
fn a_page_is_read_as_its_reader_would() {
    let page = "# P\n\n## A first hour\nSave it as `a.py`:\n\n```python\nprint(1)\n```\n\nRun it, in a terminal of its own:\n\n\
                ```sh\npython a.py # exits with 3\n```\n\n```text\none\n```\n\nPress Ctrl-C.\n\n## Next\n\n```c\n```\n";
    let steps = steps(page);
    let [Step::Save { name, text }, Step::Run { commands, in_own_terminal, exit_code, prints }, Step::InterruptLast] =
        &steps[..]
    else {
        panic!("{steps:?}")
    };
    assert_eq!((name.as_str(), text.as_str()), ("a.py", "print(1)\n"));
    assert_eq!((commands.as_str(), in_own_terminal, exit_code), ("python a.py # exits with 3\n", &true, &3));
    assert_eq!(prints, &["one"]);
}
