//! Every reply our server gives: the one table.
//!
//! Standards: codes RFC 5321 4.2.3, 4954 6, 3030 2; enhanced codes RFC 3463, 2034, 4954, 5248's registry, 6710 (X.3.6), 6531 (X.6.7).
//! In: what there is to say. Out: code, enhanced code, words. Left out: the answer to EHLO, which is a list (`server_commands`).
//! Shown by: `fixtures/dialogues/smtp`; the page `docs/smtp.md` lists them.

use std::fmt::Write;

/// What a server has to say.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[allow(missing_docs)] // the table below says what each is
pub enum Say {
    Greeting,
    Bye,
    Help,
    Hello,
    Done,
    Noop,
    SenderOk,
    RecipientOk,
    ChunkOk,
    Filed,
    FiledLower,
    Unverified,
    GoAhead,
    LoggedIn,
    Prompt,
    StartData,
    // The connection ends.
    Idle,
    TooLongASession,
    TooManyErrors,
    TooManyCommands,
    TooManyMessages,
    TooManyLogins,
    Stopping,
    Overrun,
    // What the client may try again.
    NoTls,
    LoginNotNow,
    Trouble,
    NoRoom,
    BookFull,
    TooManyRecipients,
    NotNow,
    Later,
    TooManyConnections,
    // Commands.
    Unknown,
    Unreadable,
    LineTooLong,
    Syntax,
    BadParameter,
    NotImplemented,
    NoSuchParameter,
    OutOfOrder,
    HelloFirst,
    MailFirst,
    RecipientFirst,
    NoRecipients,
    MailOpen,
    ChunksOpen,
    Ahead,
    BareInCommand,
    WrongProtocol,
    TlsStands,
    // Login.
    TlsFirst,
    LoginFirst,
    LoginNeedsTls,
    LoginStands,
    NoMechanism,
    LoginCancelled,
    LoginFailed,
    LoginTooLong,
    // Addresses.
    BadSender,
    BadRecipient,
    NoSuchDesk,
    NoRelay,
    NeedsUtf8,
    // Messages.
    TooBig,
    HeaderTooBig,
    BareInData,
    NulInData,
    LongInData,
    ChunkTooBig,
    BadChunk,
    Loop,
    Content,
    Policy,
}

impl Say {
    /// Code, enhanced code (empty where none belongs), words. `{}` is what is said with it.
    pub const fn row(self) -> (u16, &'static str, &'static str) {
        use Say::*;
        match self {
            Greeting => (220, "", "{} ESMTP molink"),
            Bye => (221, "2.0.0", "{} closes the connection"),
            Help => (214, "2.0.0", "EHLO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY QUIT; RFC 5321"),
            Hello => (250, "", "{}"),
            Done => (250, "2.0.0", "done"),
            Noop => (250, "2.0.0", "here"),
            SenderOk => (250, "2.1.0", "sender taken"),
            RecipientOk => (250, "2.1.5", "recipient taken"),
            ChunkOk => (250, "2.0.0", "{} octets taken"),
            Filed => (250, "2.0.0", "filed as {}"),
            // RFC 6710: the text begins with the priority given.
            FiledLower => (250, "2.3.6", "{}"),
            Unverified => (252, "2.0.0", "send mail to it and see"),
            GoAhead => (220, "2.0.0", "begin TLS"),
            LoggedIn => (235, "2.7.0", "logged in"),
            Prompt => (334, "", "{}"),
            StartData => (354, "", "send the message; a line with a dot alone ends it"),
            Idle => (421, "4.4.2", "{} waited too long; closing"),
            TooLongASession => (421, "4.4.2", "{} ends a session that lasts too long"),
            TooManyErrors => (421, "4.7.0", "{} closes after too many errors"),
            TooManyCommands => (421, "4.7.0", "{} closes after too many commands without a message"),
            TooManyMessages => (421, "4.7.0", "{} takes no more messages on this connection; open another"),
            TooManyLogins => (421, "4.7.0", "{} closes after too many failed logins"),
            Stopping => (421, "4.3.2", "{} is stopping; try again later"),
            Overrun => (421, "4.3.2", "{} was sent too much while it was busy"),
            NoTls => (454, "4.7.0", "TLS is not available at the moment"),
            LoginNotNow => (454, "4.7.0", "logins cannot be checked at the moment; try again later"),
            Trouble => (451, "4.3.0", "the message could not be filed; try again later"),
            NoRoom => (452, "4.3.1", "no room for the message; try again later"),
            BookFull => (452, "4.3.1", "no room for one more correspondent; try again tomorrow"),
            TooManyRecipients => (452, "4.5.3", "too many recipients; send to the rest in another message"),
            NotNow => (451, "4.4.4", "that recipient cannot be looked up now; try again later"),
            Later => (450, "4.7.1", "not now: {}"),
            TooManyConnections => (421, "4.7.0", "{} has too many connections; try again later"),
            Unknown => (500, "5.5.1", "no such command"),
            Unreadable => (500, "5.5.2", "a command is printable text in UTF-8"),
            LineTooLong => (500, "5.5.2", "the line is too long"),
            Syntax => (501, "5.5.2", "write it as {}"),
            BadParameter => (501, "5.5.4", "the value of {} is not valid"),
            NotImplemented => (502, "5.5.1", "not done here"),
            NoSuchParameter => (555, "5.5.4", "{} is not taken here"),
            OutOfOrder => (503, "5.5.1", "not now"),
            HelloFirst => (503, "5.5.1", "say EHLO first"),
            MailFirst => (503, "5.5.1", "say MAIL first"),
            RecipientFirst => (503, "5.5.1", "say RCPT first"),
            NoRecipients => (554, "5.5.1", "no recipient was taken"),
            MailOpen => (503, "5.5.1", "a message is open; end it or say RSET"),
            ChunksOpen => (503, "5.5.1", "the message came in chunks; end it with BDAT LAST or say RSET"),
            Ahead => (503, "5.5.0", "more was sent before this was answered; closing"),
            BareInCommand => (500, "5.5.2", "only CR LF ends a line; closing"),
            WrongProtocol => (500, "5.5.1", "this is a mail server; closing"),
            TlsStands => (503, "5.5.1", "TLS stands already"),
            TlsFirst => (530, "5.7.0", "say STARTTLS first"),
            LoginFirst => (530, "5.7.0", "log in first"),
            LoginNeedsTls => (538, "5.7.11", "say STARTTLS before a password"),
            LoginStands => (503, "5.5.1", "logged in already"),
            NoMechanism => (504, "5.5.4", "AUTH takes PLAIN and LOGIN"),
            LoginCancelled => (501, "5.0.0", "login cancelled"),
            LoginFailed => (535, "5.7.8", "name or password is wrong"),
            LoginTooLong => (500, "5.5.6", "the line of AUTH is too long"),
            BadSender => (553, "5.1.7", "the sender's address cannot be used"),
            BadRecipient => (553, "5.1.3", "the recipient's address cannot be used"),
            NoSuchDesk => (550, "5.1.1", "no such desk or station"),
            NoRelay => (550, "5.7.1", "mail for others is passed on only for stations and users that are known"),
            NeedsUtf8 => (553, "5.6.7", "an address in UTF-8 needs SMTPUTF8"),
            TooBig => (552, "5.3.4", "the message is larger than {} octets"),
            HeaderTooBig => (552, "5.3.4", "the message's header is larger than {} octets"),
            BareInData => (554, "5.6.0", "a bare CR or LF in the message, only CR LF ends a line; closing"),
            NulInData => (554, "5.6.0", "a NUL in the message"),
            LongInData => (554, "5.6.0", "a line of the message is longer than {} octets"),
            ChunkTooBig => (552, "5.3.4", "the chunk is larger than a message may be; closing"),
            BadChunk => (501, "5.5.4", "write it as BDAT chunk-size [LAST]; closing"),
            Loop => (554, "5.4.6", "the message has been here before"),
            Content => (554, "5.6.0", "the message cannot be read"),
            Policy => (550, "5.7.1", "refused: {}"),
        }
    }

    /// The reply as it goes on the wire, with `with` in the place of `{}`.
    pub fn line(self, with: &str) -> Vec<u8> {
        let (code, enhanced, words) = self.row();
        let mut line = format!("{code} {enhanced}{}", if enhanced.is_empty() { "" } else { " " });
        // What is put in is ours or was looked at; a line's end in it would still be a second reply.
        let clean: String = with.chars().filter(|c| !c.is_control()).take(300).collect();
        let _ = write!(line, "{}\r\n", words.replacen("{}", &clean, 1));
        line.into_bytes()
    }

    /// Whether it counts as an error of the client's.
    pub fn is_error(self) -> bool {
        self.row().0 >= 500
    }
}

/// All of them, for the page and the tests.
pub const ALL: &[Say] = {
    use Say::*;
    &[
        Greeting,
        Bye,
        Help,
        Hello,
        Done,
        Noop,
        SenderOk,
        RecipientOk,
        ChunkOk,
        Filed,
        FiledLower,
        Unverified,
        GoAhead,
        LoggedIn,
        Prompt,
        StartData,
        Idle,
        TooLongASession,
        TooManyErrors,
        TooManyCommands,
        TooManyMessages,
        TooManyLogins,
        Stopping,
        Overrun,
        NoTls,
        LoginNotNow,
        Trouble,
        NoRoom,
        BookFull,
        TooManyRecipients,
        NotNow,
        Later,
        TooManyConnections,
        Unknown,
        Unreadable,
        LineTooLong,
        Syntax,
        BadParameter,
        NotImplemented,
        NoSuchParameter,
        OutOfOrder,
        HelloFirst,
        MailFirst,
        RecipientFirst,
        NoRecipients,
        MailOpen,
        ChunksOpen,
        Ahead,
        BareInCommand,
        WrongProtocol,
        TlsStands,
        TlsFirst,
        LoginFirst,
        LoginNeedsTls,
        LoginStands,
        NoMechanism,
        LoginCancelled,
        LoginFailed,
        LoginTooLong,
        BadSender,
        BadRecipient,
        NoSuchDesk,
        NoRelay,
        NeedsUtf8,
        TooBig,
        HeaderTooBig,
        BareInData,
        NulInData,
        LongInData,
        ChunkTooBig,
        BadChunk,
        Loop,
        Content,
        Policy,
    ]
};

/// The table for `docs/smtp.md`.
pub fn page() -> String {
    let mut rows: Vec<_> = ALL.iter().map(|say| say.row()).collect();
    rows.sort();
    let mut page = String::from("| code | enhanced | words |\n|---|---|---|\n");
    for (code, enhanced, words) in rows {
        let _ = writeln!(page, "| {code} | {enhanced} | {words} |");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_reply_and_its_two_codes_agree() {
        for say in ALL {
            let (code, enhanced, words) = say.row();
            let line = String::from_utf8(say.line("x\r\n250 y")).unwrap();
            assert!(line.len() <= 512 && line.ends_with("\r\n") && line.matches('\n').count() == 1, "{line}");
            assert!((200..560).contains(&code) && !words.is_empty() && words.is_ascii(), "{say:?}");
            // RFC 2034 4: 2xx, 4xx and 5xx have one of their class; the greeting, EHLO's answer and 3xx have none.
            match enhanced.split('.').collect::<Vec<_>>()[..] {
                [class, _, _] => assert_eq!(u16::from(class.as_bytes()[0] - b'0'), code / 100, "{say:?}"),
                _ => assert!(code / 100 == 3 || matches!(say, Say::Greeting | Say::Hello), "{say:?}"),
            }
        }
        let last = ALL.iter().max().unwrap();
        assert_eq!(ALL.len(), *last as usize + 1, "a row is missing in ALL");
    }
}
