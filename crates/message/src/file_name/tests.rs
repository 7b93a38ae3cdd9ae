//! Names of strangers, and what files are called.

use super::*;

fn check(name: &str, wanted: &str) {
    assert_eq!(safe_file_name(name, &mut HashSet::new()), wanted, "{name:?}");
}

#[test]
fn no_name_leads_out_of_its_folder() {
    check("report.pdf", "report.pdf");
    check("/etc/passwd", "passwd");
    check("../../x", "x");
    check("..", "unnamed");
    check("a/..", "unnamed");
    check("..\\..\\boot.ini", "boot.ini");
    check("C:\\dir\\a.txt", "a.txt");
    check("C:a.txt", "a.txt");
    check("\\\\server\\share\\a", "a");
    check("dir/", "dir");
    check("a\u{2215}b", "b");
}

#[test]
fn no_name_hides_or_is_a_device_or_an_option() {
    check(".bashrc", "bashrc");
    check("...", "unnamed");
    check("", "unnamed");
    check("   ", "unnamed");
    check("a. . ", "a");
    check("-rf", "_-rf");
    check("~user", "user");
    for device in [
        "CON",
        "con.txt",
        "NUL",
        "Aux.tar.gz",
        "COM1",
        "lpt9.x",
        "COM¹",
        "CONIN$",
    ] {
        check(device, &format!("_{device}"));
    }
    check("con .txt", "_con.txt");
    check("console", "console");
    check("com10", "com10");
    check("a:b.txt:$DATA", "b.txt_$DATA");
    check("what?<now>|\"*", "what__now____");
}

#[test]
fn no_name_looks_like_another() {
    check("invoice\u{202e}fdp.exe", "invoicefdp.exe");
    check("a\u{200b}b\u{feff}.txt", "ab.txt");
    check("a\0b\r\nc\t.txt", "ab c.txt");
    check("报价单.xlsx", "报价单.xlsx");
}

#[test]
fn long_names_keep_their_extension_and_whole_letters() {
    let long = safe_file_name(&format!("{}.tar.gz", "界".repeat(200)), &mut HashSet::new());
    assert!(
        long.len() <= MAX_FILE_NAME && long.len() > MAX_FILE_NAME - 3,
        "{}",
        long.len()
    );
    assert!(long.ends_with("界.tar.gz"));
    let long = safe_file_name(&format!("a.{}", "b".repeat(300)), &mut HashSet::new());
    assert_eq!(long.len(), MAX_FILE_NAME);
}

#[test]
fn names_that_are_taken_are_numbered() {
    let mut taken = HashSet::new();
    let mut names = ["a.txt", "A.TXT", "a.txt", "x.tar.gz", "x.tar.gz", "a-2.txt"]
        .map(|name| safe_file_name(name, &mut taken));
    assert_eq!(
        names,
        [
            "a.txt",
            "A-2.TXT",
            "a-3.txt",
            "x.tar.gz",
            "x-2.tar.gz",
            "a-2-2.txt"
        ]
    );
    let long = "é".repeat(200);
    names = std::array::from_fn(|_| safe_file_name(&long, &mut taken));
    assert!(names.iter().all(|name| name.len() <= MAX_FILE_NAME));
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
}
