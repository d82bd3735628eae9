//! What stands on top of a mail at a desk: Return-Path, Delivered-To, Received.
//!
//! Standards: RFC 5321 4.4 (the trace of a final delivery), RFC 9228 (Delivered-To). In: a message, domains, who files it and when.
//! Out: fields for `Outgoing::on_top`, ASCII, folded, each with its CR LF. Left out: the trace of SMTP sessions (`smtp::trace`).
//! Shown by: the tests here, `tests/it/desk_mail.rs`.

use super::Domains;
use super::encode::Head;
use crate::message::Message;
use crate::time::Utc;

/// The address of the desk that a mail is filed for, as a field.
pub fn delivered_to(message: &Message, domains: &Domains) -> String {
    format!("Delivered-To: {}\r\n", domains.mail(&message.envelope.to))
}

/// All three fields of a message that did not come as a mail: where notices would go (of a station's own notice: nowhere), for whom, and
/// by which port of `host` it came (`None`: handed in there).
pub fn on_top(message: &Message, domains: &Domains, host: &str, came_by: Option<&str>, at: Utc) -> String {
    let (from, id) = (&message.envelope.from, &message.identity);
    let path = if from.desk.as_str() == "router" { String::new() } else { domains.mail(from) };
    let last = message.envelope.via.last().unwrap_or(&from.station);
    let came = came_by.map_or(String::new(), |port| format!("from {}\r\n\t(molink, port {port}) ", domains.of(last)));
    let mut date = Head::default();
    date.date("Date", at);
    let date = String::from_utf8_lossy(&date.0).replacen("Date: ", "", 1);
    format!("Return-Path: <{path}>\r\n{}Received: {came}by {host} id {id};\r\n\t{date}", delivered_to(message, domains))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Class, Envelope, Precedence};

    #[test]
    fn a_desk_sees_where_a_mail_came_from_and_for_whom_it_is() {
        let envelope = Envelope {
            from: "operator@washington".parse().unwrap(),
            to: "chairman@moscow".parse().unwrap(),
            precedence: Precedence::Routine,
            class: Class::Message,
            subject: String::new(),
            via: vec![],
            post: None,
        };
        let mut message = Message { identity: "WASHINGTON-0001-20161031T1200Z".parse().unwrap(), envelope, content: vec![] };
        let domains = Domains::default().with("moscow".parse().unwrap(), "hotline.example");
        let at = "2016-10-31T12:00:05Z".parse().unwrap();
        assert_eq!(
            on_top(&message, &domains, "mx.hotline.example", Some("cable"), at),
            "Return-Path: <operator@washington>\r\nDelivered-To: chairman@hotline.example\r\n\
             Received: from washington\r\n\t(molink, port cable) by mx.hotline.example id WASHINGTON-0001-20161031T1200Z;\r\n\
             \tMon, 31 Oct 2016 12:00:05 +0000\r\n"
        );
        message.envelope.from.desk = "router".parse().unwrap();
        assert!(on_top(&message, &domains, "moscow", None, at).starts_with("Return-Path: <>\r\n"));
        assert!(on_top(&message, &domains, "moscow", None, at).contains("\r\nReceived: by moscow id "));
    }
}
