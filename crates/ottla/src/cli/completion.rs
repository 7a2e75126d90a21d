//! `ottla completion`.

use clap::CommandFactory;
use clap_complete::Shell;

use super::output::Stdout;

/// Which shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
    ottla completion bash > ~/.local/share/bash-completion/completions/ottla
    ottla completion zsh > \"${fpath[1]}/_ottla\"
    ottla completion fish > ~/.config/fish/completions/ottla.fish")]
pub(super) struct Completion {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(completion: &Completion) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(completion.shell, &mut super::Command::command(), "ottla", &mut script);
    let mut out = Stdout::open();
    out.write(&script)?;
    out.flush()
}
