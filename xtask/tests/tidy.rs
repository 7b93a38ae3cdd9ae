//! The workspace is tidy: see `xtask::tidy`.

use xtask::{tidy, workspace};

#[test]
fn the_workspace_is_tidy() {
    let problems = tidy::problems(&workspace::root()).unwrap();
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}
