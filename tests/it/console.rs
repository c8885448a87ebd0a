//! The console in a real browser, against the real server on both databases: what people see, do and must not see (S004-65…97).
//!
//! A test makes the world here (server, phones, people, calls) and hands it to a script in `console/e2e`, which does what a person does.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use calamine::{Data, Reader as _, Xlsx};
use serde_json::{Value, json};
use tests::{Account, RawPhone, Rest, Server, browser, postgres::Postgres, raw::Habits, rest::recording_path, server::Settings, wait};

use crate::world::{self, HIGH, LOW, SOON};

/// Good for everybody here.
const PASSWORD: &str = "a password of the tests";
/// Markup, and what ends an attribute.
const HOSTILE: &str = "<img src=x onerror=alert(1)>\"'";

/// Each story is told on SQLite and on PostgreSQL.
macro_rules! stories {
    ($($name:ident($slots:literal);)*) => {
        mod on_sqlite {
            use super::*;
            $(#[test] fn $name() -> Result<()> { told(Settings::default(), $slots, super::$name) })*
        }
        mod on_postgresql {
            use super::*;
            $(#[test] fn $name() -> Result<()> {
                let database = Postgres::start()?;
                told(Settings::default().with("CORDBOARD__DATABASE__URL", database.url()), $slots, super::$name)
            })*
        }
    };
}

stories! {
    each_role_sees_what_it_may_and_nothing_else(2);
    a_recording_is_heard_and_its_messages_are_read(2);
    a_list_is_exported_and_opened(2);
    what_strangers_send_is_text(2);
    a_new_role_gives_exactly_what_is_in_it(2);
    a_slot_is_taken_and_calls(2);
    a_hub_grows_and_its_phones_are_set_up(2);
    a_call_appears_on_another_screen_by_itself(2);
    a_russian_browser_gets_a_russian_console(2);
    the_keyboard_is_enough(2);
    nobody_is_shut_out(2);
}

/// What a story has: the server, its administrator and the accounts of its first hub.
struct Stage<'a> {
    server: &'a Server,
    admin: &'a Rest,
    accounts: &'a [Account],
    files: tempfile::TempDir,
}

fn told(settings: Settings, slots: u16, story: impl FnOnce(&Stage<'_>) -> Result<()>) -> Result<()> {
    world::with_hub_and(settings, slots, |server, admin, accounts| story(&Stage { server, admin, accounts, files: tempfile::tempdir()? }))
}

impl Stage<'_> {
    /// Plays a script; `more` is what it needs to know beside who is there.
    fn play(&self, script: &str, more: &Value) -> Result<Value> {
        let mut world = json!({
            "base": self.server.base(),
            "admin": {"username": "admin", "password": self.server.password()},
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            world[name] = value.clone();
        }
        browser::play(script, self.files.path(), &world)
    }

    /// Adds somebody, and says how they log in.
    fn person(&self, username: &str, role: &str, display_name: &str) -> Result<Value> {
        let body = json!({"username": username, "password": PASSWORD, "role": role, "display_name": display_name});
        let made = self.admin.post("/api/users", &body)?.expect(201)?;
        Ok(json!({"id": made["id"], "username": username, "password": PASSWORD}))
    }

    /// Both phones, which answer at once.
    fn phones(&self) -> Result<(RawPhone, RawPhone)> {
        let [one, other] = self.accounts else { anyhow::bail!("two slots") };
        Ok((world::raw(self.server, one, Habits::answering(LOW))?, world::raw(self.server, other, Habits::answering(HIGH))?))
    }

    /// A call from the first slot to the second that is over and was recorded for a while; its id.
    fn recorded_call(&self, least: Duration) -> Result<String> {
        let [one, other] = self.accounts else { anyhow::bail!("two slots") };
        let (caller, _callee) = self.phones()?;
        let call = self.admin.start_call(&one.id, &other.number)?;
        let leg = caller.wait_for_leg("answered", SOON, |leg| leg.acknowledged)?;
        let octets = usize::try_from(least.as_secs())? * 32_000;
        wait::until("the recording", SOON + least, || Ok((self.admin.get(&recording_path(&call))?.body.len() > octets).then_some(())))?;
        caller.hangup(&leg.call_id)?;
        self.admin.cdr(&call)?;
        world::closed_recording(self.admin, &call)?;
        Ok(call)
    }
}

/// §1.4: the menu of each role is what it may, every page of it works, and every other page says so and shows nothing.
fn each_role_sees_what_it_may_and_nothing_else(stage: &Stage<'_>) -> Result<()> {
    stage.recorded_call(Duration::from_secs(1))?;
    let roles = stage.admin.list("/api/roles")?;
    let codes: Vec<&str> = roles.iter().filter_map(|role| role["code"].as_str()).collect();
    ensure!(codes.len() == 13, "the seeds have 13 roles: {codes:?}");
    let people: Vec<Value> = codes
        .iter()
        .map(|code| {
            let mut person = stage.person(&format!("one.{}", code.to_lowercase()), code, code)?;
            person["role"] = json!(code);
            Ok(person)
        })
        .collect::<Result<_>>()?;
    stage.play("roles", &json!({"people": people})).map(drop)
}

/// S004-134, F-14: it is heard in the browser, its outline is drawn, and its SIP messages can be read.
fn a_recording_is_heard_and_its_messages_are_read(stage: &Stage<'_>) -> Result<()> {
    let call = stage.recorded_call(Duration::from_secs(4))?;
    stage.play("recording", &json!({"call": call})).map(drop)
}

/// S000-21, S004-136: the file has the rows and the columns of the list, and nothing in it is a formula or a hidden column.
fn a_list_is_exported_and_opened(stage: &Stage<'_>) -> Result<()> {
    stage.person("equals", "operator", "=1+1")?;
    stage.person("hostile", "operator", HOSTILE)?;
    let set = json!({"code": "people", "name": "People", "permissions": [
        {"permission": "users.read", "scope": "center"}, {"permission": "users.export", "scope": "center"},
        {"permission": "exports.read", "scope": "own"}, {"permission": "jobs.read", "scope": "own"},
    ]});
    stage.admin.post("/api/permission-sets", &set)?.expect(201)?;
    let role = json!({"code": "half_blind", "name": "Half blind", "sets": ["people"],
        "columns": [{"resource": "users", "column": "display_name", "mode": "hide"}]});
    stage.admin.post("/api/roles", &role)?.expect(201)?;
    let half_blind = stage.person("half.blind", "half_blind", "Half Blind")?;

    let exported = stage.play("export", &json!({"half_blind": half_blind}))?;
    let users = stage.admin.list("/api/users?sort=id")?;
    let all = sheet(&exported["all"]["file"])?;
    judge_sheet(&all, &exported["all"], &users, "display_name")?;
    let cell = |text: &str| all.iter().flatten().find(|cell| **cell == *text);
    assert_eq!(cell("=1+1"), Some(&Data::String("=1+1".into())), "a text, and no formula");
    assert!(cell(HOSTILE).is_some());

    let some = sheet(&exported["some"]["file"])?;
    judge_sheet(&some, &exported["some"], &users, "username")?;
    let hidden = users.iter().filter_map(|user| user["display_name"].as_str()).filter(|name| name.starts_with(['=', '<', 'H']));
    for name in hidden {
        assert!(some.iter().flatten().all(|cell| *cell != *name), "{name} is hidden from this role");
    }
    Ok(())
}

/// The head and the rows of the first sheet.
fn sheet(file: &Value) -> Result<Vec<Vec<Data>>> {
    let path = file.as_str().context("no file")?;
    let mut book: Xlsx<_> = calamine::open_workbook(path)?;
    let range = book.worksheet_range_at(0).context("no sheet")??;
    Ok(range.rows().map(<[Data]>::to_vec).collect())
}

/// Each column that was chosen is there, and each row of the list; `key` is the column that tells whose row it is.
fn judge_sheet(sheet: &[Vec<Data>], told: &Value, users: &[Value], key: &str) -> Result<()> {
    let head: Vec<String> = sheet.first().context("an empty sheet")?.iter().map(ToString::to_string).collect();
    let columns = told["columns"].as_array().context("columns")?;
    assert_eq!(head.len(), columns.len(), "{head:?}, {columns:?}");
    let label = told["labels"][key].as_str().context("the column's label")?;
    let at = head.iter().position(|name| name == label).with_context(|| format!("no {label} in {head:?}"))?;
    let mut written: Vec<String> = sheet.iter().skip(1).filter_map(|row| row.get(at)).map(ToString::to_string).collect();
    let mut listed: Vec<String> = users.iter().map(|user| user[key].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(told["rows"], json!(listed.len()), "as many rows as the page showed");
    written.sort();
    listed.sort();
    assert_eq!(written, listed);
    Ok(())
}

/// FT-25: names and numbers of strangers are shown as text, wherever they are shown.
fn what_strangers_send_is_text(stage: &Stage<'_>) -> Result<()> {
    let [one, other] = stage.accounts else { anyhow::bail!("two slots") };
    let (caller, callee) = stage.phones()?;
    stage.admin.post("/api/trunks", &json!({"name": HOSTILE, "type": "mf", "capacity": 1}))?.expect(201)?;
    let person = stage.person("hostile", "operator", HOSTILE)?;
    let anna = stage.server.anonymous().login("hostile", PASSWORD)?;
    anna.post(&format!("/api/slots/{}/take", one.id), &json!({}))?.expect(200)?;

    // A number that is none: who dials it is refused, and the record keeps what was dialled.
    let dialled = "%3Cimg%20src=x%20onerror=alert(1)%3E%22'";
    let (_, refusal) = caller.dial(dialled)?;
    ensure!(refusal.status() >= Some(400), "{}", refusal.start);
    let display = "\"<img src=x onerror=alert(1)>\\\"'\"";
    let call = caller.invite_as(display, &other.number)?;
    ensure!(caller.final_of(&call)?.status() == Some(200));
    callee.wait_for_leg("answered", SOON, |leg| leg.acknowledged)?;
    stage.play("hostile", &json!({"text": HOSTILE, "person": person, "slot": one.number})).map(drop)
}

/// S004-50, S003-67: a role made of a new set shows its person those pages and buttons, and no others.
fn a_new_role_gives_exactly_what_is_in_it(stage: &Stage<'_>) -> Result<()> {
    let nina = stage.person("nina", "viewer", "Nina")?;
    stage.play("new_role", &json!({"nina": nina})).map(drop)
}

/// S004-97…102: an operator takes a slot, calls, ends the call and lets the slot go.
fn a_slot_is_taken_and_calls(stage: &Stage<'_>) -> Result<()> {
    let (_caller, _callee) = stage.phones()?;
    let [one, other] = stage.accounts else { anyhow::bail!("two slots") };
    let olga = stage.person("olga", "operator", "Olga")?;
    stage.play("my_slot", &json!({"olga": olga, "slot": one.number, "other": other.number}))?;
    let cdrs = stage.admin.list("/api/cdr/records")?;
    assert_eq!(cdrs.len(), 1, "{cdrs:?}");
    assert_eq!((&cdrs[0]["outcome"], &cdrs[0]["user"]), (&json!("answered"), &olga["id"]));
    world::slot_state(stage.admin, one, "IDLE").map(drop)
}

/// S004-116, S004-125: accounts of a new hub, more of them, one disabled, one with a new password; QR code and file are right.
fn a_hub_grows_and_its_phones_are_set_up(stage: &Stage<'_>) -> Result<()> {
    let told = stage.play("hub", &json!({}))?;
    // What the page showed is what a phone logs in with.
    let account = |value: &Value| -> Result<Account> {
        let text = |key: &str| value[key].as_str().map(str::to_owned).with_context(|| format!("no {key} in {value}"));
        Ok(Account { id: String::new(), number: text("number")?, username: text("username")?, password: text("password")? })
    };
    for each in told["accounts"].as_array().context("accounts")? {
        RawPhone::start(&account(each)?, stage.server.sip(), Habits::answering(LOW))?.register(60).with_context(|| each.to_string())?;
    }
    let old = RawPhone::start(&account(&told["old"])?, stage.server.sip(), Habits::answering(LOW))?;
    assert!(old.register(60).is_err(), "its password was changed");
    Ok(())
}

/// S004-100, S004-110: what one does, another one sees without loading the page anew.
fn a_call_appears_on_another_screen_by_itself(stage: &Stage<'_>) -> Result<()> {
    let (_caller, _callee) = stage.phones()?;
    let [one, other] = stage.accounts else { anyhow::bail!("two slots") };
    let olga = stage.person("olga", "operator", "Olga")?;
    let vera = stage.person("vera", "supervisor", "Vera")?;
    stage.play("live", &json!({"olga": olga, "vera": vera, "slot": one.number, "other": other.number})).map(drop)
}

/// Every page is Russian to whom reads Russian, and one's own choice is above the browser's.
fn a_russian_browser_gets_a_russian_console(stage: &Stage<'_>) -> Result<()> {
    let call = stage.recorded_call(Duration::from_secs(1))?;
    let person = stage.person("мария", "operator", "Мария")?;
    stage
        .admin
        .post("/api/webhooks", &json!({"name": "Первый", "url": "https://hook.example.org/x", "events": ["call.update"]}))?
        .expect(201)?;
    stage.admin.post("/api/exports", &json!({"resource": "users", "format": "csv", "locale": "ru"}))?.expect(202)?;
    stage.play("russian", &json!({"call": call, "person": person})).map(drop)
}

/// Logging in, finding, changing, saving and logging out without a mouse; where one is can be seen.
fn the_keyboard_is_enough(stage: &Stage<'_>) -> Result<()> {
    for (username, name) in [("anna", "Anna"), ("bert", "Bert"), ("clara", "Clara")] {
        stage.person(username, "operator", name)?;
    }
    stage.play("keyboard", &json!({}))?;
    let clara = stage.admin.list("/api/users?q=clara")?;
    assert_eq!(clara[0]["display_name"], "Clara Novak");
    Ok(())
}

/// WCAG 2.1, A and AA: nothing serious is found on any page, form or dialog, in light and in dark.
fn nobody_is_shut_out(stage: &Stage<'_>) -> Result<()> {
    let call = stage.recorded_call(Duration::from_secs(1))?;
    for part in ["menu", "forms"] {
        stage.play("a11y", &json!({"call": call, "part": part}))?;
    }
    Ok(())
}
