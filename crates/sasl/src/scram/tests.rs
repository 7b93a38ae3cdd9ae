//! The RFC's example from both sides, and everything that is not in the form.

use super::client::Binding;
use super::server::Kept;
use super::*;
use crate::client::{ClientError, Exchange as Client};
use crate::server::{Exchange, ExchangeError, Step};
use crate::{Claim, Credentials, Mechanism};

const CLIENT_NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const SERVER_FIRST: &str =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const CLIENT_FINAL: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const SERVER_FINAL: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

fn kept(password: &str) -> Kept {
    let salt = b"[m\x99h\x9d\x125\x8e\xec\xa0K\x14\x126\xfa\x81".to_vec();
    let rounds = 4096;
    let keys = Keys::derive(&Secret::from(password), &salt, NonZeroU32::new(rounds).unwrap()).unwrap();
    Kept {
        salt,
        rounds,
        keys: vec![(7, keys)],
    }
}

fn credentials(login: &str, password: &str) -> Credentials {
    Credentials {
        act_as: None,
        login: login.to_owned(),
        password: Secret::from(password),
    }
}

fn first(mechanism: Mechanism, message: &str) -> Result<super::server::First, ExchangeError> {
    match Exchange::begin(mechanism, Some(message.as_bytes()))? {
        Step::Keys(first) => Ok(first),
        other => panic!("{other:?}"),
    }
}

fn challenged(step: Result<Step, ExchangeError>) -> (Exchange, String) {
    match step {
        Ok(Step::Challenge(exchange, challenge)) => (exchange, String::from_utf8(challenge).unwrap()),
        other => panic!("{other:?}"),
    }
}

/// After the first messages of the RFC's example.
fn waiting() -> Exchange {
    let first = first(Mechanism::ScramSha256, &format!("n,,n=user,r={CLIENT_NONCE}")).unwrap();
    assert_eq!(first.login(), "user");
    let (exchange, challenge) = challenged(first.answer(kept("pencil"), SERVER_NONCE, None));
    assert_eq!(challenge, SERVER_FIRST);
    exchange
}

/// RFC 7677 §3.
#[test]
fn the_example_of_the_rfc_from_the_servers_side() {
    let Ok(Step::Verify(claim)) = waiting().respond(CLIENT_FINAL.as_bytes()) else {
        panic!("no claim")
    };
    assert_eq!(claim.confirmation(), Some(SERVER_FINAL.as_bytes()));
    let Claim::Proof(proof) = claim else {
        panic!("no proof")
    };
    assert_eq!((proof.keys(), proof.login.as_str()), (Some(7), "user"));
}

/// RFC 7677 §3.
#[test]
fn the_example_of_the_rfc_from_the_clients_side() {
    let begin = || Client::scram(credentials("user", "pencil"), CLIENT_NONCE, Binding::Cannot);
    let mut client = begin();
    let initial = client.initial().unwrap().unwrap();
    assert_eq!(initial, format!("n,,n=user,r={CLIENT_NONCE}").into_bytes());
    assert_eq!(
        client.respond(SERVER_FIRST.as_bytes()).unwrap(),
        CLIENT_FINAL.as_bytes()
    );
    assert!(!client.may_succeed());
    assert_eq!(client.respond(SERVER_FINAL.as_bytes()), Ok(Vec::new()));
    assert!(client.may_succeed());
    for stranger in [
        "",
        "v=",
        "e=other-error",
        &SERVER_FINAL.replace('6', "7"),
        "v=%",
        &SERVER_FINAL[..44],
    ] {
        let mut client = begin();
        client.initial().unwrap();
        client.respond(SERVER_FIRST.as_bytes()).unwrap();
        assert_eq!(
            client.respond(stranger.as_bytes()),
            Err(ClientError::NotTheServer),
            "{stranger}"
        );
        assert!(!client.may_succeed());
    }
}

#[test]
fn a_client_takes_no_malformed_challenge() {
    let respond = |challenge: &str| {
        let mut client = Client::scram(credentials("user", "pencil"), CLIENT_NONCE, Binding::Cannot);
        client.initial().unwrap();
        client.respond(challenge.as_bytes()).map(|_| ())
    };
    assert_eq!(respond(&format!("{SERVER_FIRST},x=unknown")), Ok(()));
    let malformed = Err(ClientError::Malformed(Mechanism::ScramSha256));
    for (of, by) in [
        ("r=r", "r=s"),
        ("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", ""),
        (",s=", ",S="),
        ("W22Z", "W2%Z"),
        ("i=4096", "i=0"),
        ("i=4096", "i=-1"),
        ("i=4096", "i=99999999999"),
        (",i=4096", ""),
        ("r=", "m=x,r="),
        ("i=4096", "i=4096,m=x"),
        ("i=4096", "i=4096,"),
    ] {
        assert_eq!(
            respond(&SERVER_FIRST.replacen(of, by, 1)),
            malformed,
            "{of} → {by}"
        );
    }
    assert_eq!(
        respond(&SERVER_FIRST.replace("4096", "4095")),
        Err(ClientError::Rounds(4095))
    );
    assert_eq!(
        respond(&SERVER_FIRST.replace("4096", "10000001")),
        Err(ClientError::Rounds(10_000_001))
    );
}

#[test]
fn first_messages_are_read() {
    let good = |message: &str, login: &str| {
        assert_eq!(
            first(Mechanism::ScramSha256, message).unwrap().login(),
            login,
            "{message}"
        );
    };
    good("n,,n=user,r=x", "user");
    good("y,a=b,n=user,r=x", "user");
    good("n,,n=a=2Cb=3D,r=x,e=1,f=2", "a,b=");
    good("n,,n=张三,r=x", "张三");
    good(&format!("n,,n=a,r={}", "x".repeat(256)), "a");
    for wrong in [
        "",
        "n",
        "n,,",
        "n,,n=",
        "n,,n=user",
        "n,,n=user,r=",
        "n,,n=user,r=a b",
        "n,,n=user,r=é",
        "n,,n=,r=x",
        "n,,n=a=b,r=x",
        "n,,r=x,n=user",
        "n,,m=x,n=user,r=x",
        "n,,n=user,r=x,",
        "n,,n=user,r=x,ext",
        "n,,n=user,r=x,m=y",
        "n,,n=user,r=x,ab=y",
        "n,,n=user,r=x,e=",
        "n,n=user,r=x",
        "n=user,r=x",
        "x,,n=user,r=x",
        "n,b=c,n=user,r=x",
        "n,,n=us\0er,r=x",
        &format!("n,,n=a,r={}", "x".repeat(257)),
    ] {
        let malformed = Err(ExchangeError::Malformed(Mechanism::ScramSha256));
        assert_eq!(first(Mechanism::ScramSha256, wrong), malformed, "{wrong:?}");
    }
    let malformed = ExchangeError::Malformed(Mechanism::ScramSha256);
    assert_eq!(
        Exchange::begin(Mechanism::ScramSha256, Some(b"n,,n=\xff,r=x")),
        Err(malformed)
    );
}

#[test]
fn final_messages_are_read() {
    let respond = |message: &str| match waiting().respond(message.as_bytes()) {
        Ok(Step::Verify(Claim::Proof(proof))) => Ok(proof.keys()),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    assert_eq!(respond(CLIENT_FINAL), Ok(Some(7)));
    // Signed as it stands, so one that was put in is a wrong proof.
    assert_eq!(respond(&CLIENT_FINAL.replace(",p=", ",x=y,p=")), Ok(None));
    assert_eq!(respond(&CLIENT_FINAL.replace("dHzb", "eHzb")), Ok(None));
    let malformed = Err(ExchangeError::Malformed(Mechanism::ScramSha256));
    for (of, by) in [
        (",p=", ",q="),
        ("p=dHzb", "p=dHz"),
        ("p=dHzb", "p=%Hzb"),
        ("p=dHzb", "p="),
        ("p=dHzb", "p=dHzbdHzb"),
        (",p=", ",m=x,p="),
        (",p=", ",,p="),
        ("VQ=", "VQ=,x=y"),
    ] {
        assert_eq!(
            respond(&CLIENT_FINAL.replacen(of, by, 1)),
            malformed,
            "{of} → {by}"
        );
    }
    for (of, by) in [
        ("c=biws", "c=eSws"),
        ("c=biws", "c="),
        ("r=r", "r=s"),
        ("k0,", "k1,"),
        ("k0,", ","),
        ("c=biws,", ""),
    ] {
        let refused = respond(&CLIENT_FINAL.replacen(of, by, 1));
        assert!(refused.is_err(), "{of} → {by}: {refused:?}");
    }
    assert_eq!(respond(""), malformed);
    for cut in 0..CLIENT_FINAL.len() {
        assert!(!matches!(respond(&CLIENT_FINAL[..cut]), Ok(Some(_))), "{cut}");
    }
}

/// RFC 5802 §6, RFC 9266.
#[test]
fn the_exchange_is_bound_where_both_can_and_nobody_in_between_can_hide_it() {
    let exporter = [9; 32];
    let begin = |mechanism, header: &str, binding: Option<&[u8]>| {
        let first = first(mechanism, &format!("{header}n=user,r=x"))?;
        first.answer(kept("pencil"), "y", binding).map(|_| ())
    };
    let refused = Err(ExchangeError::ChannelBinding);
    let (scram, plus) = (Mechanism::ScramSha256, Mechanism::ScramSha256Plus);
    assert_eq!(begin(plus, "p=tls-exporter,,", Some(&exporter)), Ok(()));
    assert_eq!(begin(plus, "p=tls-exporter,,", None), refused);
    assert_eq!(begin(plus, "p=tls-unique,,", Some(&exporter)), refused);
    assert_eq!(begin(plus, "n,,", Some(&exporter)), refused);
    assert_eq!(begin(plus, "y,,", Some(&exporter)), refused);
    assert_eq!(begin(scram, "p=tls-exporter,,", Some(&exporter)), refused);
    assert_eq!(begin(scram, "n,,", Some(&exporter)), Ok(()));
    assert_eq!(begin(scram, "n,,", None), Ok(()));
    assert_eq!(begin(scram, "y,,", None), Ok(()));
    assert_eq!(begin(scram, "y,,", Some(&exporter)), refused);
}

/// A whole exchange; gives which keys the proof was made with.
fn run(mut client: Client, kept: Kept, binding: Option<&[u8]>) -> Result<Option<u32>, ExchangeError> {
    let mechanism = client.mechanism();
    let initial = client.initial().unwrap().unwrap();
    let first = first(mechanism, std::str::from_utf8(&initial).unwrap())?;
    let (exchange, challenge) = challenged(first.answer(kept, "server", binding));
    let response = client.respond(challenge.as_bytes()).unwrap();
    let Step::Verify(claim) = exchange.respond(&response)? else {
        panic!("no claim")
    };
    assert!(!client.may_succeed());
    if let Some(confirmation) = claim.confirmation() {
        assert_eq!(client.respond(confirmation), Ok(Vec::new()));
        assert!(client.may_succeed());
    }
    match claim {
        Claim::Proof(proof) => Ok(proof.keys()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_sides_understand_each_other() {
    let client = |password, binding| Client::scram(credentials("a,b=c", password), "client", binding);
    let bound = Binding::Exporter(vec![9; 32]);
    assert_eq!(
        run(client("pencil", Binding::Cannot), kept("pencil"), None),
        Ok(Some(7))
    );
    assert_eq!(
        run(client("pencil", Binding::ServerCannot), kept("pencil"), None),
        Ok(Some(7))
    );
    assert_eq!(
        run(client("pencil", bound.clone()), kept("pencil"), Some(&[9; 32])),
        Ok(Some(7))
    );
    // Somebody is in between: two TLS connections, with two values.
    let between = run(client("pencil", bound), kept("pencil"), Some(&[8; 32]));
    assert_eq!(between, Err(ExchangeError::ChannelBinding));
    assert_eq!(
        run(client("pencils", Binding::Cannot), kept("pencil"), None),
        Ok(None)
    );
    // RFC 4013 §3: a soft hyphen is nothing, and a ligature its letters.
    assert_eq!(
        run(client("pe\u{ad}n\u{2163}", Binding::Cannot), kept("penIV"), None),
        Ok(Some(7))
    );
}

#[test]
fn one_of_several_passwords_is_enough_and_a_name_without_any_has_none() {
    let client = |password| Client::scram(credentials("user", password), "client", Binding::Cannot);
    let mut all = kept("pencil");
    let app = kept("app").keys.remove(0).1;
    all.keys.push((8, app));
    assert_eq!(run(client("app"), all.clone(), None), Ok(Some(8)));
    assert_eq!(run(client("pencil"), all.clone(), None), Ok(Some(7)));
    assert_eq!(run(client("neither"), all.clone(), None), Ok(None));
    all.keys.clear();
    assert_eq!(run(client("pencil"), all, None), Ok(None));
}

#[test]
fn keys_and_proofs_do_not_print() {
    let printed = format!("{:?} {:?}", kept("pencil"), waiting());
    assert!(printed.contains("Keys(…)"), "{printed}");
    let unprepared = Keys::derive(&Secret::from("a\u{7}"), b"salt", NonZeroU32::MIN);
    assert_eq!(unprepared, Err(Unprepared));
    assert_eq!(
        Keys::derive(&Secret::from("\u{ad}"), b"salt", NonZeroU32::MIN),
        Err(Unprepared)
    );
}
