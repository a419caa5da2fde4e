//! Rust source as words with line numbers: enough to see which modules a file names, where `unsafe` stands and how
//! long functions are. Comments, strings and characters are left out.

use std::path::{Path, PathBuf};

/// A word (identifier, keyword or number) or one character of punctuation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The word or character.
    pub text: String,
    /// Its line, from 1.
    pub line: usize,
    /// It belongs to a `#[cfg(test)]` item.
    pub test: bool,
}

/// A source file.
#[derive(Clone, Debug)]
pub struct Source {
    /// Path below the repository, for messages.
    pub path: String,
    /// Its words.
    pub tokens: Vec<Token>,
    /// How many lines it has.
    pub lines: usize,
}

/// A path that a file names, as module names from the crate's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The crate: `crate` for the file's own, else a crate's name.
    pub krate: String,
    /// What follows, from the root of that crate; `*` for everything.
    pub segments: Vec<String>,
    /// Where.
    pub line: usize,
}

impl Source {
    /// Reads the words of `text`.
    #[must_use]
    pub fn parse(path: &str, text: &str) -> Source {
        let mut tokens = words(text);
        mark_tests(&mut tokens);
        Source {
            path: path.to_owned(),
            tokens,
            lines: text.lines().count(),
        }
    }

    /// Every `.rs` file below `directory` of the repository at `root`.
    ///
    /// # Panics
    /// If it cannot be read.
    #[must_use]
    pub fn below(root: &Path, directory: &str) -> Vec<Source> {
        let mut paths = Vec::new();
        collect(&root.join(directory), &mut paths);
        paths.sort();
        let read = |path: &PathBuf| {
            let name = path
                .strip_prefix(root)
                .expect("a path below the root")
                .display()
                .to_string();
            Source::parse(
                &name,
                &std::fs::read_to_string(path).expect("a readable source"),
            )
        };
        paths.iter().map(read).collect()
    }

    /// The module that the file is, from its crate's root: `src/pcm/mask.rs` is `pcm`, `mask`.
    #[must_use]
    pub fn module(&self) -> Vec<String> {
        let inside = self
            .path
            .split_once("src/")
            .map_or(self.path.as_str(), |(_, rest)| rest);
        let mut module: Vec<String> = inside
            .trim_end_matches(".rs")
            .split('/')
            .map(str::to_owned)
            .collect();
        if matches!(
            module.last().map(String::as_str),
            Some("lib" | "main" | "mod")
        ) {
            module.pop();
        }
        module
    }

    /// Lines outside of `#[cfg(test)]` items.
    #[must_use]
    pub fn lines_without_tests(&self) -> usize {
        let mut test = 0;
        let mut start = None;
        for token in &self.tokens {
            match (start, token.test) {
                (None, true) => start = Some(token.line),
                (Some(from), false) => {
                    test += token.line - from;
                    start = None;
                }
                _ => {}
            }
        }
        self.lines - test - start.map_or(0, |from| self.lines + 1 - from)
    }

    /// Whether `word` occurs as code.
    #[must_use]
    pub fn has(&self, word: &str) -> bool {
        self.tokens.iter().any(|token| token.text == word)
    }

    /// Name, line and length in lines of each function outside of tests.
    #[must_use]
    pub fn functions(&self) -> Vec<(String, usize, usize)> {
        let mut found = Vec::new();
        for (index, token) in self.tokens.iter().enumerate() {
            let Some(name) = self.tokens.get(index + 1) else {
                break;
            };
            let named = name
                .text
                .starts_with(|c: char| c.is_alphabetic() || c == '_');
            if token.test || token.text != "fn" || !named {
                continue;
            }
            if let Some(end) = end_of_item(&self.tokens, index) {
                found.push((
                    name.text.clone(),
                    token.line,
                    self.tokens[end].line + 1 - token.line,
                ));
            }
        }
        found
    }

    /// Every path that starts at a crate's root or climbs there, imported or written inline. `crates` are the names
    /// of other crates to look for.
    #[must_use]
    pub fn named(&self, crates: &[&str]) -> Vec<Named> {
        let mut found = Vec::new();
        let mut scope = Scope {
            module: self.module(),
            depth: 0,
            inline: Vec::new(),
        };
        for index in 0..self.tokens.len() {
            scope.step(&self.tokens, index);
            let text = self.tokens[index].text.as_str();
            let root = matches!(text, "crate" | "super" | "self") || crates.contains(&text);
            if root && !self.continues(index) && self.is(index + 1, "::") {
                let mut paths = Vec::new();
                self.tree(index, &[], &mut paths);
                let line = self.tokens[index].line;
                found.extend(paths.into_iter().map(|path| scope.resolve(path, line)));
            }
        }
        found
    }

    /// Whether the word at `index` is the rest of a longer path.
    fn continues(&self, index: usize) -> bool {
        index >= 2 && self.is(index - 2, "::")
    }

    fn is(&self, index: usize, what: &str) -> bool {
        what.chars().enumerate().all(|(offset, c)| {
            self.tokens
                .get(index + offset)
                .is_some_and(|token| token.text.len() == 1 && token.text.starts_with(c))
        })
    }

    /// Collects the leaves of the path (or `use` tree) at `index`; answers where it ends.
    fn tree(&self, mut index: usize, before: &[String], leaves: &mut Vec<Vec<String>>) -> usize {
        let mut path = before.to_vec();
        while let Some(token) = self.tokens.get(index) {
            if token.text == "{" {
                return self.group(index + 1, &path, leaves);
            }
            if token.text == "<" {
                break;
            }
            path.push(token.text.clone());
            index += 1;
            if !self.is(index, "::") {
                break;
            }
            index += 2;
        }
        leaves.push(path);
        index
    }

    fn group(&self, mut index: usize, before: &[String], leaves: &mut Vec<Vec<String>>) -> usize {
        while let Some(token) = self.tokens.get(index) {
            match token.text.as_str() {
                "}" => return index + 1,
                "," => index += 1,
                "as" => index += 2,
                _ => index = self.tree(index, before, leaves),
            }
        }
        index
    }
}

/// The module a word stands in.
struct Scope {
    module: Vec<String>,
    depth: usize,
    /// Depth of each inline module that is open.
    inline: Vec<usize>,
}

impl Scope {
    fn step(&mut self, tokens: &[Token], index: usize) {
        match tokens[index].text.as_str() {
            "{" => {
                self.depth += 1;
                if index >= 2 && tokens[index - 2].text == "mod" {
                    self.module.push(tokens[index - 1].text.clone());
                    self.inline.push(self.depth);
                }
            }
            "}" => {
                if self.inline.last() == Some(&self.depth) {
                    self.inline.pop();
                    self.module.pop();
                }
                self.depth = self.depth.saturating_sub(1);
            }
            _ => {}
        }
    }

    fn resolve(&self, path: Vec<String>, line: usize) -> Named {
        let mut words = path.into_iter().peekable();
        let mut segments = match words.peek().map(String::as_str) {
            Some("super" | "self") => self.module.clone(),
            _ => Vec::new(),
        };
        let krate = if segments.is_empty()
            && !matches!(words.peek().map(String::as_str), Some("super" | "self"))
        {
            words.next().unwrap_or_default()
        } else {
            "crate".to_owned()
        };
        for word in words {
            match word.as_str() {
                "super" => {
                    segments.pop();
                }
                "self" => {}
                _ => segments.push(word),
            }
        }
        Named {
            krate,
            segments,
            line,
        }
    }
}

fn collect(directory: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).expect("a readable directory") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// The index of the last word of the item at `index`: its closing brace, or the `;` if it has no body.
fn end_of_item(tokens: &[Token], index: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut brackets = 0usize;
    for (offset, token) in tokens[index..].iter().enumerate() {
        match token.text.as_str() {
            "(" | "[" => brackets += 1,
            ")" | "]" => brackets = brackets.saturating_sub(1),
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 && brackets == 0 {
                    return Some(index + offset);
                }
            }
            ";" if depth == 0 && brackets == 0 => return Some(index + offset),
            _ => {}
        }
    }
    None
}

fn mark_tests(tokens: &mut [Token]) {
    const ATTRIBUTE: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    for index in 0..tokens.len() {
        let here = tokens[index..].iter().map(|token| token.text.as_str());
        if here.take(ATTRIBUTE.len()).eq(ATTRIBUTE) {
            let end = end_of_item(tokens, index + ATTRIBUTE.len()).unwrap_or(tokens.len() - 1);
            for token in &mut tokens[index..=end] {
                token.test = true;
            }
        }
    }
}

fn words(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut reader = Reader {
        chars: &chars,
        at: 0,
        line: 1,
    };
    let mut tokens = Vec::new();
    while let Some(c) = reader.peek(0) {
        let line = reader.line;
        let text = if c.is_alphanumeric() || c == '_' {
            let word = reader.word();
            if reader.skip_literal_after(&word) {
                continue;
            }
            word
        } else if reader.skip_blank_comment_or_literal(c) {
            continue;
        } else {
            reader.bump();
            c.to_string()
        };
        tokens.push(Token {
            text,
            line,
            test: false,
        });
    }
    tokens
}

struct Reader<'a> {
    chars: &'a [char],
    at: usize,
    line: usize,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn bump(&mut self) {
        if self.peek(0) == Some('\n') {
            self.line += 1;
        }
        self.at += 1;
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        while let Some(c) = self.peek(0).filter(|&c| c.is_alphanumeric() || c == '_') {
            word.push(c);
            self.bump();
        }
        word
    }

    /// `word` may be the prefix of a string: `b"…"`, `r#"…"#`, …
    fn skip_literal_after(&mut self, word: &str) -> bool {
        if matches!(word, "r" | "br" | "cr") {
            let hashes = (0..)
                .take_while(|&ahead| self.peek(ahead) == Some('#'))
                .count();
            if self.peek(hashes) == Some('"') {
                self.raw_string(hashes);
                return true;
            }
        }
        match (word, self.peek(0)) {
            ("b" | "c", Some('"')) => self.quoted('"'),
            ("b", Some('\'')) => self.quoted('\''),
            _ => return false,
        }
        true
    }

    fn skip_blank_comment_or_literal(&mut self, c: char) -> bool {
        match (c, self.peek(1)) {
            _ if c.is_whitespace() => self.bump(),
            ('/', Some('/')) => self.until_end_of_line(),
            ('/', Some('*')) => self.block_comment(),
            ('"', _) => self.quoted('"'),
            ('\'', Some('\\')) => self.quoted('\''),
            ('\'', _) if self.peek(2) == Some('\'') => self.quoted('\''),
            // A lifetime: its name stays as a word.
            ('\'', _) => self.bump(),
            _ => return false,
        }
        true
    }

    fn until_end_of_line(&mut self) {
        while self.peek(0).is_some_and(|c| c != '\n') {
            self.bump();
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => depth += 1,
                (Some('*'), Some('/')) => depth -= 1,
                (None, _) => return,
                _ => {
                    self.bump();
                    continue;
                }
            }
            self.bump();
            self.bump();
            if depth == 0 {
                return;
            }
        }
    }

    fn quoted(&mut self, quote: char) {
        self.bump();
        while let Some(c) = self.peek(0) {
            self.bump();
            if c == '\\' {
                self.bump();
            } else if c == quote {
                return;
            }
        }
    }

    fn raw_string(&mut self, hashes: usize) {
        for _ in 0..=hashes {
            self.bump();
        }
        while let Some(c) = self.peek(0) {
            self.bump();
            if c == '"' && (0..hashes).all(|ahead| self.peek(ahead) == Some('#')) {
                for _ in 0..hashes {
                    self.bump();
                }
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &str, text: &str) -> Vec<String> {
        let source = Source::parse(path, text);
        let show = |named: Named| format!("{}:{}", named.krate, named.segments.join("."));
        source.named(&["uapi"]).into_iter().map(show).collect()
    }

    #[test]
    fn a_use_tree_is_taken_apart() {
        let text = "use crate::{file, pcm::{self, mask as m, hw_params::*}};";
        assert_eq!(
            names("a/src/x.rs", text),
            [
                "crate:file",
                "crate:pcm",
                "crate:pcm.mask",
                "crate:pcm.hw_params.*"
            ]
        );
    }

    #[test]
    fn super_climbs_from_the_files_module_and_from_inline_modules() {
        let text =
            "use super::mask; mod tests { use super::super::interval; } use super::super::card;";
        assert_eq!(
            names("a/src/pcm/rules.rs", text),
            ["crate:pcm.mask", "crate:pcm.interval", "crate:card"]
        );
    }

    #[test]
    fn inline_paths_count_and_comments_and_strings_do_not() {
        let text = r##"/// [`crate::file`]
            fn f<'a>(x: &'a str) -> uapi::Errno { /* crate::a */ g("crate::b", r#"crate::c"#, 'x'); crate::card::g::<u8>() }"##;
        assert_eq!(names("a/src/pcm.rs", text), ["uapi:Errno", "crate:card.g"]);
    }

    #[test]
    fn test_items_are_told_apart() {
        let text = "fn a() {\n}\n#[cfg(test)]\nmod tests {\n fn b() {}\n}\nfn c() {}\n";
        let source = Source::parse("x.rs", text);
        assert_eq!(
            source.functions(),
            [("a".to_owned(), 1, 2), ("c".to_owned(), 7, 1)]
        );
        assert_eq!(source.lines_without_tests(), 3);
    }
}
