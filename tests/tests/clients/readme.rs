//! The first mail of README.md and README.zh-CN.md, as a newcomer pastes it. Wants python3.

use std::env;
use std::fs;
use std::path::Path;

use end_to_end::{Server, program, server};

/// The code blocks of a page, with their languages.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let fenced = page.split("```").skip(1).step_by(2);
    fenced.filter_map(|block| block.split_once('\n')).collect()
}

/// `2025` becomes the port of this server.
fn with_ports(code: &str, server: &Server) -> String {
    let standard = [25, 110, 587, 995];
    // In two steps: the digits of one port may be found within another, such as 2143 in 21430.
    let named = standard.into_iter().fold(code.to_owned(), |code, port: u16| {
        code.replace(&(2000 + port).to_string(), &format!("<port {port}>"))
    });
    standard.into_iter().fold(named, |code, port| {
        code.replace(&format!("<port {port}>"), &(server.offset() + port).to_string())
    })
}

#[test]
fn the_first_mail_of_the_readme_is_sent_and_read() {
    if !program::is_here("python3") {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let server = Server::start();
    server.add("alice@example.org", "alice");
    server.add("bob@example.org", "bob");
    let bin = server::posthouse(&[]).get_program().to_owned();
    let bin = Path::new(&bin).parent().unwrap().display().to_string();
    for page in ["README.md", "README.zh-CN.md"] {
        let text = fs::read_to_string(root.join(page)).unwrap();
        let blocks = blocks(&text);
        // The first says how to start and to test.
        assert_eq!(blocks.len(), 3, "{page}");
        for (language, code) in &blocks[1..] {
            let (interpreter, option) = if *language == "sh" {
                ("sh", "-c")
            } else {
                ("python3", "-c")
            };
            let code = with_ports(code, &server);
            let path = format!("PATH={bin}:{}", env::var("PATH").unwrap());
            let words = ["env", &path, interpreter, option, &code];
            let said = program::run(server.data(), &words, b"").succeeded();
            assert!(said.text().contains("Subject: "), "{page}: {}", said.text());
        }
    }
}
