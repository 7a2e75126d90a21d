//! Where there is no broker, or one too many.

use testkit::{Broker, Launcher, OttlaCli, wait};

/// What a process that refuses to start leaves behind.
fn refused(mut broker: Broker) -> String {
    wait::until("it gives up", || (!broker.is_running()).then_some(()));
    broker.stderr()
}

#[test]
fn a_closed_port_says_how_to_start_a_node() {
    let mut broker = Broker::start_default().expect("the broker starts");
    let address = broker.bootstrap();
    broker.stop().expect("it stops");
    let cli = OttlaCli::new(&address);
    let advice = format!(
        "ottla: nothing listens on {address}: start a node with `ottla`, or name another with --bootstrap-server\n"
    );
    for command in
        [&["health"][..], &["topic", "list"], &["produce", "any"], &["consume", "any"], &["cluster", "describe"]]
    {
        assert_eq!(cli.refusal(command, b"").expect("nobody listens"), advice, "{command:?}");
    }
}

#[test]
fn a_port_that_is_taken_names_who_has_it() {
    let holder = Broker::start_default().expect("the broker starts");
    let listeners = format!("PLAINTEXT://{}", holder.bootstrap());
    let told = refused(Launcher::default().setting("listeners", &listeners).spawn().expect("it runs"));
    let expected = format!(
        "ottla: {} is taken by process {} (ottla): stop it, or set other listeners (listeners={listeners})",
        holder.bootstrap(),
        holder.pid()
    );
    assert!(told.contains(&expected), "{told}");
}

#[test]
fn a_data_directory_that_is_in_use_names_who_has_it() {
    let holder = Broker::start_default().expect("the broker starts");
    let told = refused(Launcher::default().data_dir(holder.data_dir()).spawn().expect("it runs"));
    let directory = holder.data_dir().display();
    let expected = format!(
        "ottla: log directory {directory} is in use by process {} (ottla): stop it, or set another (log.dirs={directory})",
        holder.pid()
    );
    assert!(told.contains(&expected), "{told}");
}

#[test]
fn a_start_says_which_version_it_is_and_how_to_write_a_first_record() {
    let broker = Broker::start_default().expect("the broker starts");
    let address = broker.bootstrap();
    let told = wait::until("it says so", || Some(broker.stderr()).filter(|told| told.contains("and read it:")));
    for part in [
        "ottla 0.",
        &format!("listening on {address}"),
        &broker.data_dir().display().to_string(),
        &format!("echo hello | ottla produce greetings --bootstrap-server {address}\n"),
        &format!("ottla consume greetings --exit --bootstrap-server {address}\n"),
    ] {
        assert!(told.contains(part), "{part} is not in: {told}");
    }
    assert!(told.lines().count() < 24, "one screen: {told}");
}

#[test]
fn every_shell_gets_its_completion() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = OttlaCli::offline().run(&["completion", shell], b"").expect("a script");
        assert!(script.contains("bootstrap-server") && script.contains("describe"), "{shell}");
    }
}
