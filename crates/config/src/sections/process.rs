//! What the running program may do.

use crate::kind::{Flag, Optional, SystemName};
use crate::setting::section;

section! {
    Process, "process":
    "What the running program may do.",
    "程序的权限。";

    user: Option<String> = None, Optional(SystemName), "\"posthouse\"",
    "Who it becomes when it was started as root, after its ports are open. As root it does not start without.",
    "以 root 启动时，打开端口后切换到的用户。以 root 启动必须给出。";

    group: Option<String> = None, Optional(SystemName), "\"posthouse\"",
    "The group that it becomes with the user. That of the user unless given.",
    "随用户一起切换到的组。不给出时为该用户的主组。";

    landlock: bool = true, Flag, "",
    "Whether Linux keeps it from all files but its own (Landlock). A kernel without Landlock is no obstacle.",
    "是否由 Linux（Landlock）禁止访问其他文件。内核不支持时照常运行。";
}
