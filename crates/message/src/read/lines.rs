//! Text laid out in lines of a terminal: columns counted, not characters, because Chinese, Japanese and Korean ones take two.
//!
//! What must hold: nothing is lost but blanks, however narrow the lines are; a word that is wider than a line stands on one of
//! its own; no more than [`MAX_SHOWN`] octets are made of anything.

use unicode_width::UnicodeWidthChar;

/// How much text is laid out of one part. A novel has a tenth of it, and a terminal's memory of lines as well.
pub const MAX_SHOWN: usize = 16 * 1024 * 1024;

/// How deep quotations and lists are set in at most: what lies deeper stands there too, and a small page cannot become a large text.
pub(super) const MAX_LEVEL: usize = 8;

/// Signs that do not begin a line (after JIS X 4051 and GB/T 15834).
const NO_BEGIN: &str = "，。、；：？！）》」』】〕〉”’…％‰・ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ";

/// Signs that do not end one.
const NO_END: &str = "（《「『【〔〈“‘";

/// What separates the next word from the last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Gap {
    None,
    /// A line end of the source, which is a blank except between wide letters.
    Fold,
    Blank,
    Line,
    Paragraph,
}

/// The lines that are made.
pub(super) struct Lines {
    out: String,
    /// How many columns there are; none where lines are not broken.
    width: Option<usize>,
    column: usize,
    gap: Gap,
    /// Nothing of the current word is in `out` yet.
    word: String,
    word_columns: usize,
    last: Option<char>,
    quotes: usize,
    indents: usize,
    marker: Option<String>,
}

impl Lines {
    pub(super) fn new(width: Option<usize>) -> Self {
        Lines {
            out: String::new(),
            width,
            column: 0,
            gap: Gap::None,
            word: String::new(),
            word_columns: 0,
            last: None,
            quotes: 0,
            indents: 0,
            marker: None,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.out.len() + self.word.len() >= MAX_SHOWN
    }

    /// Adds text whose blanks mean no more than one.
    pub(super) fn text(&mut self, text: &str) {
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            let plain = rest.bytes().take_while(u8::is_ascii_graphic).count();
            let (head, after) = rest
                .split_at_checked(plain.max(letter.len_utf8()))
                .unwrap_or((rest, ""));
            rest = after;
            match letter {
                _ if plain > 0 => self.plain(letter, head),
                // A blank that does not break is a letter.
                '\u{a0}' | '\u{202f}' => self.letter(letter),
                '\n' | '\r' => self.gap(Gap::Fold),
                letter if letter.is_whitespace() || letter == '\0' => self.gap(Gap::Blank),
                letter => self.letter(letter),
            }
        }
    }

    /// Adds letters of ASCII, the first of which is given: no line is broken between them.
    fn plain(&mut self, first: char, text: &str) {
        self.letter(first);
        let Some(more) = text.get(1..).filter(|more| !more.is_empty() && !self.is_full()) else {
            return;
        };
        self.word.push_str(more);
        self.word_columns += more.len();
        self.last = more.chars().next_back();
    }

    /// Adds text whose blanks and line ends stay.
    pub(super) fn verbatim(&mut self, text: &str) {
        for (number, line) in text.split('\n').enumerate() {
            if number > 0 {
                self.end_line();
            }
            for letter in line.chars().filter(|letter| *letter != '\r') {
                self.push(letter);
            }
        }
    }

    /// Asks for a gap before what comes next.
    pub(super) fn gap(&mut self, gap: Gap) {
        self.end_word();
        self.gap = self.gap.max(gap);
    }

    /// Ends the line, an empty one too.
    pub(super) fn end_line(&mut self) {
        self.end_word();
        if self.gap >= Gap::Line {
            self.gap = self.gap.max(Gap::Paragraph);
        } else {
            self.gap = Gap::Line;
        }
    }

    /// Sets the levels of quotation and list for the lines that come.
    pub(super) fn levels(&mut self, quotes: usize, indents: usize) {
        self.end_word();
        self.gap = self.gap.max(Gap::Line);
        self.quotes = quotes.min(MAX_LEVEL);
        self.indents = indents.min(MAX_LEVEL);
    }

    /// Separates two cells of a row, where both stand on one line.
    pub(super) fn cell(&mut self) {
        if self.column > 0 && self.gap < Gap::Line {
            self.word.push('|');
            self.word_columns = 1;
            self.end_word();
            self.gap = Gap::Blank;
        }
    }

    /// What stands before the first word of the next line, instead of the last step of its indent.
    pub(super) fn marker(&mut self, marker: String) {
        self.gap(Gap::Line);
        self.marker = Some(marker);
    }

    fn letter(&mut self, letter: char) {
        if self.may_break(letter) {
            self.end_word();
        }
        self.push(letter);
    }

    fn push(&mut self, letter: char) {
        if self.is_full() {
            return;
        }
        if self.gap == Gap::Fold && self.word.is_empty() && self.is_wide_fold(letter) {
            self.gap = Gap::None;
        }
        // What would move the cursor or speak to the terminal is not text.
        if is_hostile(letter) {
            return;
        }
        self.word.push(letter);
        self.word_columns += columns(letter);
        self.last = Some(letter);
    }

    /// Whether a line may end before this letter without a blank (UAX 14, for what mail has).
    fn may_break(&self, next: char) -> bool {
        let Some(last) = self.last.filter(|_| !self.word.is_empty()) else {
            return false;
        };
        (columns(last) == 2 || columns(next) == 2)
            && columns(next) > 0
            && !NO_BEGIN.contains(next)
            && !NO_END.contains(last)
    }

    fn is_wide_fold(&self, next: char) -> bool {
        columns(next) == 2 && self.last.is_some_and(|last| columns(last) == 2)
    }

    /// Puts the word into the line, or into the next one where it does not fit.
    fn end_word(&mut self) {
        if self.word.is_empty() {
            return;
        }
        let mut gap = std::mem::replace(&mut self.gap, Gap::None);
        let blank = usize::from(matches!(gap, Gap::Fold | Gap::Blank));
        let end = self.column + blank + self.word_columns;
        if gap < Gap::Line && self.column > 0 && self.width.is_some_and(|width| end > width) {
            gap = Gap::Line;
        }
        match gap {
            Gap::None => {}
            Gap::Fold | Gap::Blank if self.column > 0 => {
                self.out.push(' ');
                self.column += 1;
            }
            Gap::Fold | Gap::Blank => {}
            Gap::Line => self.break_line(1),
            Gap::Paragraph => self.break_line(2),
        }
        if self.column == 0 {
            self.begin_line();
        }
        self.out.push_str(&self.word);
        self.column += self.word_columns;
        self.word.clear();
        self.word_columns = 0;
    }

    fn break_line(&mut self, ends: usize) {
        let ends = if self.out.is_empty() { 0 } else { ends };
        self.out.extend(std::iter::repeat_n('\n', ends));
        self.column = 0;
    }

    fn begin_line(&mut self) {
        self.out.extend(std::iter::repeat_n("> ", self.quotes));
        let marker = self.marker.take();
        let marked = usize::from(marker.is_some());
        let blanks = self.indents.saturating_sub(marked);
        self.out.extend(std::iter::repeat_n("  ", blanks));
        let marker = marker.unwrap_or_default();
        self.out.push_str(&marker);
        self.column = (self.quotes + blanks) * 2 + marker.chars().count();
    }

    /// The lines, each with its end.
    pub(super) fn finish(mut self) -> String {
        self.end_word();
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
        self.out
    }
}

/// How many columns of a terminal a letter takes.
pub(super) fn columns(letter: char) -> usize {
    if letter.is_ascii_graphic() {
        return 1;
    }
    letter.width().unwrap_or(0)
}

/// Whether this is no text but an order to a terminal, or turns the text around it (UAX 9: what a stranger's text may not do to
/// the lines around it).
pub(super) fn is_hostile(letter: char) -> bool {
    letter.is_control() && !matches!(letter, '\n' | '\t')
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
