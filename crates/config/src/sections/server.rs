//! What stands above all sections: what the server is.

use std::path::PathBuf;
use std::time::Duration;

use types::Domain;

use crate::kind::{DomainName, List, Optional, Path, Time};
use crate::setting::section;

section! {
    Server, "":
    "What the server is.",
    "服务器自身。";

    hostname: Option<Domain> = None, Optional(DomainName), "\"mail.example.org\"",
    "The server's own name, in greetings and `Received` fields. The only setting that must be given.",
    "服务器自己的名字，用于问候语和 `Received` 字段。唯一必须给出的设置。";

    domain: Option<Domain> = None, Optional(DomainName), "\"example.org\"",
    "The domain of login names that have none, and of `postmaster`. The hostname unless given.",
    "没有域名的登录名和 `postmaster` 所属的域。不给出时与 hostname 相同。";

    domains: Vec<Domain> = Vec::new(), List(DomainName), "",
    "Further domains whose mail is kept here; `posthouse domain add` adds others.",
    "本服务器收信的其他域；也可以用 `posthouse domain add` 添加。";

    data: PathBuf = "/var/lib/posthouse".into(), Path, "",
    "Where mail and accounts are kept: a folder on a local disk.",
    "保存邮件和账户的文件夹，须在本地磁盘上。";

    undelete: Duration = Duration::from_hours(7 * 24), Time(3600..=366 * 86_400), "",
    "How long deleted messages can be brought back with `posthouse undelete`; their bytes take room as long.",
    "已删除的邮件可以用 `posthouse undelete` 恢复的时间；在此期间它们仍占用空间。";
}
