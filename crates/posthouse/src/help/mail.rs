//! What the commands of the user's side say, in Chinese.

/// What is said in Chinese.
pub(super) const CHINESE: &[(&str, &str)] = &[
    (
        "Sends a message: composed of options, or taken from standard input as sendmail does. Examples: posthouse send --server smtps://alice@mail.example.org --to bob@example.com --subject Hello --text \"See you.\" --attach plan.pdf; posthouse send -t < message",
        "发送邮件：按选项撰写，或像 sendmail 那样从标准输入读取。例如：posthouse send --server smtps://alice@mail.example.org --to bob@example.com --subject 你好 --text \"明天见。\" --attach 计划.pdf；posthouse send -t < 邮件文件",
    ),
    (
        "The server: smtps://NAME@HOST, imaps://NAME@HOST:PORT, pop3s://… (or smtp, submission, lmtp, imap, pop3)",
        "服务器：smtps://用户名@主机、imaps://用户名@主机:端口、pop3s://…（或 smtp、submission、lmtp、imap、pop3）",
    ),
    (
        "When TLS begins, in place of what the URL says",
        "何时开始 TLS，代替 URL 所说的",
    ),
    (
        "A command that prints the password, such as \"pass show mail\"",
        "打印密码的命令，例如 \"pass show mail\"",
    ),
    (
        "The environment variable that holds the password; POSTHOUSE_PASSWORD unless given",
        "存放密码的环境变量；不给出时为 POSTHOUSE_PASSWORD",
    ),
    (
        "A command that prints an OAuth 2 access token",
        "打印 OAuth 2 访问令牌的命令",
    ),
    (
        "A file with the certificates to trust, in PEM, in place of those that the system trusts",
        "信任的证书文件（PEM），代替系统信任的证书",
    ),
    (
        "The SHA-256 of the only certificate to trust: sha256:… in hexadecimal digits",
        "唯一信任的证书的 SHA-256：sha256: 加十六进制数字",
    ),
    (
        "A SOCKS5 proxy to go through: socks5://HOST:PORT",
        "经过的 SOCKS5 代理：socks5://主机:端口",
    ),
    (
        "How long to wait for each answer, in seconds",
        "每次等待回应多少秒",
    ),
    (
        "Shows what goes over the wire, without passwords",
        "显示收发的每一行，密码除外",
    ),
    (
        "Who sends: an address, or \"Name <address>\"",
        "发件人：地址，或“名字 <地址>”",
    ),
    ("The sender's name", "发件人的名字"),
    (
        "To whom; may be given several times, or with commas between",
        "收件人；可以多次给出，或用逗号分隔",
    ),
    ("Who gets a copy", "抄送给谁"),
    ("Who gets a copy that nobody else sees", "密送给谁，其他人看不到"),
    ("Where answers go", "回复寄往哪里"),
    ("What it is about", "主题"),
    ("The text", "正文"),
    (
        "A file with the text, in UTF-8; - is standard input",
        "正文文件（UTF-8）；- 为标准输入",
    ),
    (
        "The text as HTML; beside it goes a plain text, made of it where none is given",
        "HTML 正文；同时附上纯文本，没有给出时由 HTML 生成",
    ),
    ("A file with the text as HTML, in UTF-8", "HTML 正文文件（UTF-8）"),
    (
        "Lets paragraphs flow to the width of the reader's window (format=flowed)",
        "让段落按读者窗口的宽度换行（format=flowed）",
    ),
    ("Files to attach", "附件"),
    (
        "Pictures for the HTML, which calls them cid:CID",
        "HTML 中的图片，在 HTML 里写作 cid:CID",
    ),
    (
        "A header field of one's own, \"Name: value\"",
        "自定义的头字段，“名称: 值”",
    ),
    (
        "The Message-ID of the message that this one answers",
        "所回复邮件的 Message-ID",
    ),
    (
        "Asks the reader's program to say when it was read",
        "请求已读回执",
    ),
    (
        "When the servers are to report: never, or success, failure, delay with commas between",
        "服务器何时报告：never，或 success、failure、delay（用逗号分隔）",
    ),
    ("What comes back with a report of failure", "失败报告附带什么"),
    (
        "A mark of one's own that comes back in reports",
        "报告中带回的自定义标记",
    ),
    (
        "Sends it only where all servers on its way use TLS (REQUIRETLS)",
        "只在沿途服务器都使用 TLS 时发送（REQUIRETLS）",
    ),
    (
        "Signs the message with DKIM: the file of the private key, in PEM, RSA or Ed25519",
        "用 DKIM 签名：私钥文件（PEM，RSA 或 Ed25519）",
    ),
    (
        "The selector, under which the DNS has the public key of DKIM",
        "DKIM 选择器，DNS 在它下面发布公钥",
    ),
    (
        "The domain that signs with DKIM; that of From unless given",
        "用 DKIM 签名的域；不给出时为 From 的域",
    ),
    (
        "Takes the recipients from To, Cc and Bcc of the message on standard input, as sendmail does",
        "像 sendmail 那样，从标准输入的邮件的 To、Cc 和 Bcc 取收件人",
    ),
    (
        "A line with a lone dot does not end the message on standard input, as sendmail has it",
        "像 sendmail 那样，标准输入中只有一个点的行不表示结束",
    ),
    ("Prints the message and sends nothing", "只打印邮件，不发送"),
    (
        "As JSON: one object with message_id, taken, refused and unheard",
        "输出 JSON：一个对象，含 message_id、taken、refused 和 unheard",
    ),
    ("To whom, as sendmail takes them", "收件人，用法同 sendmail"),
    (
        "Fetches what is new into a Maildir, an mbox or a folder of .eml files; nothing is lost and nothing comes twice. Example: posthouse fetch ~/Maildir --server pop3s://alice@mail.example.org --keep-days 30",
        "把新邮件收取到 Maildir、mbox 或 .eml 文件夹；不会丢失，也不会重复。例如：posthouse fetch ~/Maildir --server pop3s://alice@mail.example.org --keep-days 30",
    ),
    (
        "Where the mail goes: a folder, or the file of an mbox",
        "邮件放在哪里：文件夹，或 mbox 文件",
    ),
    (
        "How: an mbox where the target ends in .mbox or is a file, otherwise a Maildir unless given",
        "格式：不给出时，以 .mbox 结尾或已是文件的为 mbox，其他为 Maildir",
    ),
    (
        "Deletes from the server what is safe here",
        "从服务器删除已安全收取的邮件",
    ),
    (
        "Deletes from the server what was fetched so many days ago",
        "从服务器删除这么多天以前收取的邮件",
    ),
    (
        "As JSON: one object with fetched, octets, known, deleted and refused",
        "输出 JSON：一个对象，含 fetched、octets、known、deleted 和 refused",
    ),
    (
        "Keeps a Maildir and the mailboxes of an IMAP account the same, both ways: new mail, flags, moves, deletions, folders. Example: posthouse sync ~/Maildir --server imaps://alice@mail.example.org",
        "让 Maildir 与 IMAP 账户的邮箱保持一致（双向）：新邮件、标志、移动、删除、文件夹。例如：posthouse sync ~/Maildir --server imaps://alice@mail.example.org",
    ),
    (
        "Keeps a Maildir and the mailboxes of an IMAP account the same, both ways: new mail, flags, moves, deletions, folders. Example: posthouse sync ~/Maildir --server imaps://alice@mail.example.org\n\nWhere both sides have changed: what is new goes to the other side, before anything is deleted. A message that was deleted on one side is deleted on the other, unless it was flagged there since: then it comes back. Flags that one side has set or removed are set or removed on the other. Where the server has numbered a mailbox anew, messages are matched by what is in them, and nothing is deleted. More than half of a mailbox is deleted only with --force, a mailbox only with --delete-folders. It can be ended at any moment, and goes on the next time.",
        "让 Maildir 与 IMAP 账户的邮箱保持一致（双向）：新邮件、标志、移动、删除、文件夹。例如：posthouse sync ~/Maildir --server imaps://alice@mail.example.org\n\n两边都有更改时：先把新邮件带到另一边，再做删除。一边删除的邮件，另一边也会删除；若此后在那边加了星标，则保留并恢复。一边添加或去掉的标志，另一边也添加或去掉。服务器重新编号的邮箱，按邮件内容对应，不删除任何邮件。要删除超过邮箱一半的邮件，须加 --force；要删除邮箱，须加 --delete-folders。可以随时中断，下次继续。",
    ),
    (
        "The Maildir, which is made where it is missing; mailboxes are folders in it (Maildir++)",
        "Maildir，没有时会创建；其他邮箱是其中的文件夹（Maildir++）",
    ),
    (
        "A mailbox to sync, its levels between slashes; may be given several times. All unless given",
        "要同步的邮箱，各级之间用斜杠；可以多次给出。不给出时为全部",
    ),
    (
        "Says what would be done, and does nothing",
        "只说明将会做什么，不做更改",
    ),
    ("Changes the Maildir only", "只更改 Maildir"),
    ("Changes the server only", "只更改服务器"),
    (
        "Deletes mailboxes that are gone from the other side",
        "删除另一边已没有的邮箱",
    ),
    (
        "Deletes messages even where that is more than half of a mailbox",
        "即使超过邮箱的一半，也删除邮件",
    ),
    (
        "As JSON: one object with what was done on each side, and notes",
        "输出 JSON：一个对象，含两边所做的更改和说明",
    ),
    (
        "Shows a message of a file, an mbox, a Maildir, standard input or a server. Examples: posthouse show letter.eml; posthouse show -n 3 ~/Maildir --save-attachments ~/Downloads",
        "显示邮件：来自文件、mbox、Maildir、标准输入或服务器。例如：posthouse show 信.eml；posthouse show -n 3 ~/Maildir --save-attachments ~/下载",
    ),
    (
        "A message, an mbox, a Maildir or a folder of .eml files; standard input where it is - or nothing is given",
        "邮件文件、mbox、Maildir 或 .eml 文件夹；- 或不给出时为标准输入",
    ),
    (
        "Which message, counted from 1; the last one where it is 0. Of an IMAP server its uid",
        "第几封，从 1 数起；0 为最后一封。IMAP 服务器上为 uid",
    ),
    (
        "The mailbox of an IMAP server; may be given several times. INBOX unless given",
        "IMAP 服务器的邮箱；可以多次给出。不给出时为 INBOX",
    ),
    (
        "Fetches every mailbox of an IMAP server",
        "收取 IMAP 服务器的所有邮箱",
    ),
    ("The mailbox of an IMAP server", "IMAP 服务器的邮箱"),
    (
        "Waits for new messages of a mailbox and tells of each. Example: posthouse watch --server imaps://alice@mail.example.org --exec 'notify-send \"$MAIL_SUBJECT\"'",
        "等待邮箱中的新邮件，逐封告知。例如：posthouse watch --server imaps://alice@mail.example.org --exec 'notify-send \"$MAIL_SUBJECT\"'",
    ),
    ("The mailbox", "邮箱"),
    (
        "Runs this for each new message, with its octets on standard input, and MAIL_UID, MAIL_FROM and MAIL_SUBJECT in the environment",
        "对每封新邮件运行此命令：标准输入为邮件内容，环境变量为 MAIL_UID、MAIL_FROM 和 MAIL_SUBJECT",
    ),
    ("Ends after so many messages", "收到这么多封后结束"),
    (
        "As JSON: an object on a line for each message, with uid, from, date, subject and message_id",
        "输出 JSON：每封邮件一行一个对象，含 uid、from、date、subject 和 message_id",
    ),
    ("Shows the HTML where there is a choice", "有选择时显示 HTML"),
    ("Shows the tree of parts", "显示各部分的结构"),
    (
        "Writes one part, decoded, to standard output: its number in the tree, such as 1.2",
        "把某一部分解码后写到标准输出：结构中的编号，例如 1.2",
    ),
    (
        "Saves what is attached into this folder",
        "把附件保存到这个文件夹",
    ),
    ("Writes the message as it is", "原样输出邮件"),
    ("Shows every header field", "显示所有头字段"),
    (
        "How many columns a line has; that of the terminal unless given, and 80 without one",
        "每行多少列；不给出时取终端的宽度，没有终端时为 80",
    ),
    (
        "As JSON: one object with from, to, cc, date, subject, message_id, headers, text, parts and attachments",
        "输出 JSON：一个对象，含 from、to、cc、date、subject、message_id、headers、text、parts 和 attachments",
    ),
    (
        "Lists the messages of a file, a folder or a server. Example: posthouse list --server pop3s://alice@mail.example.org",
        "列出文件、文件夹或服务器上的邮件。例如：posthouse list --server pop3s://alice@mail.example.org",
    ),
    (
        "As JSON: an array of objects with number, octets, seen, flagged, answered, from, to, date, subject and message_id",
        "输出 JSON：对象的数组，含 number、octets、seen、flagged、answered、from、to、date、subject 和 message_id",
    ),
    (
        "Lists the messages that match. Example: posthouse search ~/Maildir --from 张三 --since 2026-11-01",
        "列出符合条件的邮件。例如：posthouse search ~/Maildir --from 张三 --since 2026-11-01",
    ),
    (
        "Prints what a shell needs to complete commands. Example: posthouse completions bash > /etc/bash_completion.d/posthouse",
        "打印 shell 自动补全脚本。例如：posthouse completions bash > /etc/bash_completion.d/posthouse",
    ),
    ("The shell", "哪种 shell"),
    ("Writes the manual pages of all commands", "生成所有命令的手册页"),
    (
        "The folder that they are written into, such as /usr/local/share/man/man1",
        "写入哪个文件夹，例如 /usr/local/share/man/man1",
    ),
    ("Has this in its header or text", "头字段或正文中有此内容"),
    (
        "Is from somebody with this in the name or address",
        "发件人的名字或地址中有此内容",
    ),
    (
        "Is to somebody, or a copy for somebody, with this in the name or address",
        "收件人或抄送的名字或地址中有此内容",
    ),
    ("Has this in its subject", "主题中有此内容"),
    (
        "Is of this day or later: 2026-11-25",
        "此日或以后的邮件：2026-11-25",
    ),
    ("Is of a day before this one", "此日以前的邮件"),
    (
        "As JSON: an array of objects, as of `posthouse list`",
        "输出 JSON：对象的数组，同 posthouse list",
    ),
    (
        "Accounts on any servers, so that posthouse send --profile work is enough: finds their servers, knows where passwords are",
        "任意服务器上的账号配置，之后只需 posthouse send --profile work：自动查找服务器，记住密码在哪里",
    ),
    (
        "Adds a profile: finds the servers of an address, logs in to see, and keeps it. Example: posthouse profile add alice@example.org --keyring",
        "添加账号配置：由地址查找服务器，登录检查后保存。例如：posthouse profile add alice@example.org --keyring",
    ),
    ("Lists the profiles", "列出账号配置"),
    ("Shows a profile", "显示一个账号配置"),
    (
        "Removes a profile, and what the keyring has of it; mail stays",
        "删除账号配置及其在密钥环中的内容；邮件不受影响",
    ),
    (
        "Signs in with OAuth 2: shows a code to enter in a browser, and keeps the tokens in the keyring",
        "用 OAuth 2 登录：显示要在浏览器中输入的代码，并把令牌保存在密钥环",
    ),
    (
        "As JSON: an array of objects with profile, default and what the file says of it",
        "输出 JSON：对象的数组，含 profile、default 和文件中的各项",
    ),
    (
        "As JSON: one object with profile, default and what the file says of it",
        "输出 JSON：一个对象，含 profile、default 和文件中的各项",
    ),
    ("The profile", "账号配置"),
    ("The address", "地址"),
    (
        "The name that stands beside the address in mail that is sent",
        "发出的邮件中显示在地址旁的名字",
    ),
    (
        "What the profile is called; as the address unless given",
        "账号配置的名称；不给出时与地址相同",
    ),
    (
        "The server that sends: smtps://NAME@HOST. Servers are looked for unless one is given",
        "发送邮件的服务器：smtps://用户名@主机。一个也不给出时自动查找",
    ),
    (
        "The server with mail: imaps://NAME@HOST",
        "收取邮件的服务器：imaps://用户名@主机",
    ),
    (
        "The server with mail: pop3s://NAME@HOST",
        "收取邮件的服务器：pop3s://用户名@主机",
    ),
    ("Does not log in to see", "不登录检查"),
    (
        "As JSON: one object with profile, found (protocol, url, source) and checked",
        "输出 JSON：一个对象，含 profile、found（protocol、url、source）和 checked",
    ),
    (
        "Keeps the password in the system's keyring; asks for it, or reads it from standard input",
        "把密码保存在系统的密钥环；询问密码，或从标准输入读取",
    ),
    (
        "The environment variable that holds the password",
        "存放密码的环境变量",
    ),
    (
        "Who gives OAuth 2 tokens: google, microsoft, or the issuer's URL. Then: posthouse profile login",
        "OAuth 2 令牌的颁发者：google、microsoft 或其 URL。之后请运行 posthouse profile login",
    ),
    (
        "Whom the issuer of tokens knows this program as",
        "令牌颁发者给本程序登记的客户端标识",
    ),
    (
        "What is asked of the issuer of tokens, in place of mail",
        "向令牌颁发者请求的权限，代替默认的邮件权限",
    ),
    (
        "The name server to ask, in place of the system's",
        "要询问的 DNS 服务器，代替系统的",
    ),
    (
        "The autoconfig document to read, in place of the domain's; {domain} and {address} stand for those",
        "要读取的 autoconfig 文档，代替该域自己的；{domain} 和 {address} 代表域和地址",
    ),
    (
        "Asks Mozilla's database too, which hears of the domain",
        "同时询问 Mozilla 的数据库，它会得知该域",
    ),
    (
        "Takes servers of other domains that only DNS names, without asking",
        "对仅由 DNS 指出的其他域的服务器，不询问直接采用",
    ),
    (
        "A profile of posthouse profile, in place of a server; the default one where neither is given",
        "posthouse profile 的账号配置，代替服务器；两者都不给出时用默认的",
    ),
    (
        "Copies an account into another over IMAP, into files, or files into an account: folders, flags, dates; what is there already is not copied again. Examples: posthouse copy --from imaps://alice@old.example.org --to imaps://alice@new.example.org; posthouse copy --from imaps://alice@old.example.org --to alice.zip",
        "通过 IMAP 把一个账户复制到另一个账户或文件，或把文件复制到账户：文件夹、标记、日期；已有的不再复制。例如：posthouse copy --from imaps://alice@old.example.org --to imaps://alice@new.example.org；posthouse copy --from imaps://alice@old.example.org --to alice.zip",
    ),
    (
        "The account that is copied: imaps://NAME@HOST; or files: a Maildir, an mbox, a folder of these or of .eml files, a zip",
        "被复制的账户：imaps://用户名@主机；或文件：Maildir、mbox、含有它们或 .eml 文件的文件夹、zip",
    ),
    (
        "The account that it is copied into: imaps://NAME@HOST; or files: a new or empty folder, or a new file ending in .zip or .mbox",
        "复制到的账户：imaps://用户名@主机；或文件：新的或空的文件夹，或者以 .zip 或 .mbox 结尾的新文件",
    ),
    (
        "A command that prints the password of the account that is copied",
        "打印被复制账户密码的命令",
    ),
    (
        "The environment variable that holds it; POSTHOUSE_FROM_PASSWORD unless given",
        "存放该密码的环境变量；不给出时为 POSTHOUSE_FROM_PASSWORD",
    ),
    (
        "A file with the certificates to trust of its server, in PEM",
        "信任的该服务器证书文件（PEM）",
    ),
    (
        "A command that prints the password of the account that it is copied into",
        "打印目标账户密码的命令",
    ),
    (
        "The environment variable that holds that one; POSTHOUSE_TO_PASSWORD unless given",
        "存放目标密码的环境变量；不给出时为 POSTHOUSE_TO_PASSWORD",
    ),
    (
        "A file with the certificates to trust of that server, in PEM",
        "信任的目标服务器证书文件（PEM）",
    ),
    (
        "How the files are: by their name or what is in them, unless given; a new folder is a Maildir",
        "文件的形式：不给出时看名称或内容；新文件夹为 Maildir",
    ),
    (
        "How lines of messages are kept apart in an mbox",
        "mbox 中区分各邮件的方式",
    ),
    (
        "Only this mailbox; may be given several times",
        "只复制这个邮箱；可以多次给出",
    ),
    (
        "Below this mailbox of the target, with slashes between levels",
        "放到目标的这个邮箱之下，各级之间用斜杠",
    ),
    (
        "How many mailboxes at a time, each with a connection to either server",
        "同时复制多少个邮箱，每个对两台服务器各用一个连接",
    ),
    (
        "Reads every message back from the target and compares it, in place of some of each mailbox",
        "从目标读回每封邮件并核对，而不是每个邮箱抽查几封",
    ),
    (
        "Also mailboxes that show messages of others, such as All Mail of Gmail",
        "也复制显示其他邮箱邮件的邮箱，例如 Gmail 的“所有邮件”",
    ),
    (
        "Says which mailbox would become which, and copies nothing",
        "只说明哪个邮箱会变成哪个，不复制",
    ),
    (
        "As JSON: one object with mailboxes, each with what was copied, known, failed, checked, altered and missing, and skipped",
        "输出 JSON：一个对象，含 mailboxes（各有 copied、known、failed、checked、altered 和 missing）和 skipped",
    ),
];
