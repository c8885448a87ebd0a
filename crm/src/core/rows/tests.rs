#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use chrono_tz::Tz;
use model::carrier::NumberForm;
use proptest::prelude::*;

use super::{lead::phone, *};

fn form() -> NumberForm {
    serde_json::from_str(r#"{"country_code": "7", "trunk_prefix": "8", "international_prefix": "810"}"#).unwrap()
}

/// A text as a file in an encoding, without a mark.
fn write(text: &str, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Utf8 => text.as_bytes().to_vec(),
        Encoding::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        Encoding::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        Encoding::Windows1251 => encoding_rs::WINDOWS_1251.encode(text).0.into_owned(),
    }
}

fn open(file: &[u8]) -> Sheet {
    Sheet::open(file, sniff(file).unwrap()).unwrap()
}

fn cells(sheet: &Sheet) -> Vec<Vec<String>> {
    sheet.rows().map(|row| row.cells).collect()
}

#[test]
fn a_file_is_read_in_whatever_it_is_written() {
    let text = "ФИО;Телефон\r\nИванов Иван;+7 916 123-45-67\r\n\"ООО \"\"Ёж; и Ко\"\"\";84951234567\r\n";
    for encoding in Encoding::ALL {
        let mark = if *encoding == Encoding::Windows1251 { Vec::new() } else { write("\u{feff}", *encoding) };
        for file in [write(text, *encoding), [mark, write(text, *encoding)].concat()] {
            let format = sniff(&file).unwrap();
            assert_eq!(format, Format { encoding: *encoding, delimiter: Delimiter::Semicolon, has_header: true });
            let sheet = Sheet::open(&file, format).unwrap();
            assert_eq!(sheet.header(), ["ФИО", "Телефон"]);
            assert_eq!((sheet.columns(), sheet.count()), (2, 2));
            assert_eq!(cells(&sheet), [["Иванов Иван", "+7 916 123-45-67"], ["ООО \"Ёж; и Ко\"", "84951234567"]]);
        }
    }
}

#[test]
fn delimiter_and_header_are_found() {
    for (text, delimiter, has_header) in [
        ("name,phone\nAnna,+79161234567\n", Delimiter::Comma, true),
        ("name\tphone\nAnna, B\t+79161234567\n", Delimiter::Tab, true),
        ("\"Anna, B\";1\n\"Boris, C\";2\n", Delimiter::Semicolon, false),
        ("Anna;+79161234567\nBoris;+79161234568\n", Delimiter::Semicolon, false),
        ("Wer;Womit\nAnna;+79161234567\n", Delimiter::Semicolon, true),
        ("Anna\nBoris\n", Delimiter::Semicolon, false),
        ("phone\n89161234567\n", Delimiter::Semicolon, true),
        ("89161234567\n89161234568\n", Delimiter::Semicolon, false),
        ("a;b,c\nd;e\nf;g\n", Delimiter::Semicolon, false),
        ("sep=,\na;b,Phone\nd;e,+79161234567\n", Delimiter::Comma, true),
        ("mail;x\nanna@example.org;1\n", Delimiter::Semicolon, true),
    ] {
        let format = sniff(text.as_bytes()).unwrap();
        assert_eq!((format.delimiter, format.has_header), (delimiter, has_header), "{text}");
    }
    let sheet = open("sep=,\r\na,Phone\r\nd,+79161234567\r\n".as_bytes());
    assert_eq!((sheet.header().join("|"), cells(&sheet).concat().join("|")), ("a|Phone".to_owned(), "d|+79161234567".to_owned()));
    assert_eq!(sheet.rows().map(|row| row.line).collect::<Vec<_>>(), [3]);
}

#[test]
fn what_is_no_file_of_rows_is_refused() {
    let wrong = |file: &[u8]| sniff(file).and_then(|format| Sheet::open(file, format)).unwrap_err();
    assert_eq!(wrong(b""), Unreadable::Empty);
    assert_eq!(wrong(b";;\n\n;;\n"), Unreadable::Empty);
    assert_eq!(wrong(b"name;phone\n"), Unreadable::Empty);
    assert_eq!(wrong("\u{feff}".as_bytes()), Unreadable::Empty);
    assert_eq!(wrong(b"PK\x03\x04\x14\0\x06\0"), Unreadable::Workbook);
    assert_eq!(wrong(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), Unreadable::Workbook);
    assert_eq!(wrong(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), Unreadable::Binary);
    assert_eq!(wrong(b"a;b\n\x01;2\n"), Unreadable::Binary);
    assert_eq!(wrong(b"\xff\xfea\0;"), Unreadable::Encoding, "half a letter");
    let format = Format { encoding: Encoding::Utf8, delimiter: Delimiter::Comma, has_header: false };
    assert_eq!(Sheet::open(&write("Анна", Encoding::Windows1251), format).unwrap_err(), Unreadable::Encoding);
    assert_eq!(wrong(",x".repeat(COLUMNS_MAX).as_bytes()), Unreadable::TooManyColumns);
    let rows = |count: u32| "1\n".repeat(usize::try_from(count).unwrap());
    assert_eq!(wrong(rows(ROWS_MAX + 1).as_bytes()), Unreadable::TooManyRows);
    assert_eq!(open(rows(ROWS_MAX).as_bytes()).count(), ROWS_MAX);
}

#[test]
fn rows_are_counted_and_blank_ones_are_not() {
    let sheet = open("name;phone;\n\nAnna;1;\n;;\n\"Boris\nB\";2\nC;3;;;\n".as_bytes());
    assert_eq!((sheet.columns(), sheet.count()), (2, 3));
    let rows: Vec<_> = sheet.rows().map(|row| (row.number, row.line, row.cells.concat())).collect();
    assert_eq!(rows, [(1, 3, "Anna1".to_owned()), (2, 5, "Boris\nB2".to_owned()), (3, 7, "C3".to_owned())]);
}

#[test]
fn a_quotation_mark_that_nothing_closes_is_one_long_cell() {
    let text = format!("name;phone\nAnna;1\n\"Boris;2\n{}", "x;9\n".repeat(5_000));
    let rows: Vec<_> = open(text.as_bytes()).rows().collect();
    assert_eq!(rows.len(), 2);
    let last = rows.last().unwrap();
    assert!(last.is_cut);
    assert_eq!(last.cells.concat().chars().count(), CELL_CHARS_MAX);
}

#[test]
fn columns_are_known_by_their_names() {
    let guess = |names: &[&str]| {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let fields = Mapping::guess(&names).columns.into_iter().map(|field| field.map_or("-", LeadField::code));
        fields.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(guess(&["Фамилия", "Имя", "Отчество", "Номер телефона"]), "client_name client_name client_name phone");
    assert_eq!(guess(&["ID", "Full name", "E-mail", "PHONE", "Mobile", "utm_source"]), "- client_name email phone - source");
    assert_eq!(guess(&["", "next_action", "next_action_at"]), "- next_action next_action_at");
}

#[test]
fn a_mapping_that_cannot_be_used_is_told() {
    let check = |columns: &str, count: usize, expected: &[&str]| {
        let mapping: Mapping = serde_json::from_str(&format!(r#"{{"columns": [{columns}]}}"#)).unwrap();
        let told: Vec<_> = mapping.validate(count).iter().map(ToString::to_string).collect();
        assert_eq!(told, expected, "{columns}");
    };
    check(r#""client_name", null, "PHONE""#, 3, &[]);
    check(r#""client_name", "client_name""#, 3, &[]);
    check(r#""phone", "email", "email""#, 3, &["columns[2]: is email a second time"]);
    check(r#""email""#, 3, &["columns: name neither a number nor a name"]);
    check("", 3, &["columns: name neither a number nor a name"]);
    check(r#"null, null, "phone""#, 2, &["columns: names 3 columns, and the file has 2"]);
    assert!(serde_json::from_str::<Mapping>(r#"{"columns": ["fax"]}"#).is_err());
}

#[test]
fn a_number_is_read_as_people_write_it() {
    for (text, expected) in [
        ("+7 (916) 123-45-67", "+79161234567"),
        ("8 916 123 45 67", "+79161234567"),
        ("9161234567", "+79161234567"),
        ("79161234567", "+79161234567"),
        ("79161234567.0", "+79161234567"),
        ("8\u{a0}916\u{a0}123–45–67\u{200e}", "+79161234567"),
        ("810 44 20 7946 0018", "+442079460018"),
        ("+44 20 7946 0018", "+442079460018"),
        ("7,91612E+10", "shortened"),
        ("7.9161E10", "shortened"),
        ("+79161234567, +79161234568", "several_numbers"),
        ("89161234567/89161234568", "several_numbers"),
        ("anna", "not_a_number"),
        ("+79161234567 доб. 5", "not_a_number"),
        ("", "not_a_number"),
        ("101", "not_worldwide"),
        ("1234567", "not_worldwide"),
        ("+123456", "not_worldwide"),
        ("+1234567890123456", "not_worldwide"),
        ("+0123456789", "not_worldwide"),
        ("+7916123*567", "not_worldwide"),
    ] {
        let found = phone(text, &form());
        assert_eq!(found.as_ref().map_or_else(|why| why.code(), |number| number.as_str()), expected, "{text}");
    }
}

/// Reads one row of the columns client_name, client_name, phone, email, source, next_action, next_action_at, in Moscow.
fn read(cells: &[&str]) -> Result<NewLead, String> {
    use LeadField::{ClientName, Email, NextAction, NextActionAt, Phone, Source};
    let columns = [ClientName, ClientName, Phone, Email, Source, NextAction, NextActionAt];
    let mapping = Mapping { columns: columns.into_iter().map(Some).collect() };
    let reading = Reading { mapping: &mapping, form: &form(), zone: "Europe/Moscow".parse::<Tz>().unwrap() };
    let row = RawRow { number: 1, line: 1, cells: cells.iter().map(|cell| (*cell).to_owned()).collect(), is_cut: false };
    let found = reading.read(&row, columns.len());
    found.map_err(|reasons| {
        reasons.iter().map(|reason| format!("{}{}", reason.field.map_or("", LeadField::code), reason.why)).collect::<Vec<_>>().join(" ")
    })
}

#[test]
fn a_row_is_a_lead_or_all_that_is_wrong_with_it() {
    let lead = read(&["Иванов", " Иван ", "8 (916) 123-45-67", "ivan@example.org", "Avito", "call back", "22.11.2026 14:30"]).unwrap();
    assert_eq!(
        lead,
        NewLead {
            client_name: "Иванов Иван".to_owned(),
            phone: Some("+79161234567".parse().unwrap()),
            phone_as_given: "8 (916) 123-45-67".to_owned(),
            email: Some("ivan@example.org".to_owned()),
            source: Some("Avito".to_owned()),
            next_action: Some("call back".to_owned()),
            next_action_at: Some(model::WallTime(1_795_347_000_000)),
        }
    );
    let at = |text: &str| read(&["A", "", "", "", "", "", text]).map(|lead| lead.next_action_at.unwrap().0);
    for text in ["2026-11-22 14:30", "2026-11-22T14:30:00", "2026-11-22T11:30:00Z", "2026-11-22T16:30:00+05:00", "22.11.2026 14:30:00"] {
        assert_eq!(at(text), Ok(1_795_347_000_000), "{text}");
    }
    assert_eq!(at("22.11.2026"), Ok(1_795_347_000_000 - (5 * 60 + 30) * 60_000), "at nine");
    for wrong in ["tomorrow", "11/22/2026", "31.11.2026", "22.11.26", "2026-11-22 25:00"] {
        assert_eq!(at(wrong), Err("next_action_atnot_a_time".to_owned()), "{wrong}");
    }
    // One of a name and a number is enough.
    assert_eq!(read(&["", "Anna"]).unwrap().client_name, "Anna");
    assert_eq!(read(&["", "", "'+79161234567"]).unwrap().phone_as_given, "+79161234567");
    assert_eq!(read(&["", "", "", "anna@example.org"]), Err("nobody".to_owned()));
    assert_eq!(read(&["", "", "x", "y"]), Err("phonenot_a_number emailnot_an_address".to_owned()));
    for wrong in ["anna", "anna@", "@example.org", "anna@example", "a@b@example.org", "anna@example..org", "an na@example.org"] {
        assert_eq!(read(&["A", "", "", wrong]), Err("emailnot_an_address".to_owned()), "{wrong}");
    }
    assert_eq!(read(&["A", "", "", "", "", "", "", " ", "more"]), Err("more_cells".to_owned()));
    assert_eq!(read(&["A", "", "", "", "", "", "", " ", ""]).unwrap().client_name, "A");
    let long = "x".repeat(101);
    assert_eq!(read(&[&long, &long, "", "", &long]), Err("client_nametoo_long sourcetoo_long".to_owned()));
}

#[test]
fn a_reason_is_kept_as_codes_and_told_in_words() {
    let reason = RowReason { field: Some(LeadField::Phone), why: Why::NotANumber };
    let json = serde_json::to_string(&reason).unwrap();
    assert_eq!(json, r#"{"field":"phone","why":"not_a_number"}"#);
    assert_eq!(serde_json::from_str::<RowReason>(&json).unwrap(), reason);
    assert_eq!(reason.to_string(), "phone: this is no telephone number");
}

#[test]
fn a_file_of_errors_can_be_mended_and_read_again() {
    let source = "name;phone;note\n\"=cmd|' /C calc'!A0\";+79161;\"a;b\"\n'-Anna;x\nB;1;2;3\n";
    let sheet = open(source.as_bytes());
    let file = ErrorFile { delimiter: Delimiter::Semicolon, columns: sheet.columns() };
    let mut errors = file.head(sheet.header(), "error");
    for row in sheet.rows() {
        errors.extend(file.row(&row.cells, "phone: this is no telephone number"));
    }
    let text = String::from_utf8(errors.clone()).unwrap();
    assert_eq!(
        text,
        "\u{feff}name;phone;note;error\n'=cmd|' /C calc'!A0;+79161;\"a;b\";phone: this is no telephone number\n\
         '-Anna;x;;phone: this is no telephone number\nB;1;2;phone: this is no telephone number;3\n"
    );
    let again = open(&errors);
    assert_eq!(again.header(), ["name", "phone", "note", "error"]);
    let first = again.rows().next().unwrap();
    let mapping = Mapping { columns: vec![Some(LeadField::ClientName)] };
    let reading = Reading { mapping: &mapping, form: &form(), zone: Tz::UTC };
    assert_eq!(reading.read(&first, again.columns()).unwrap().client_name, "=cmd|' /C calc'!A0");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever somebody uploads, it is read or refused.
    #[test]
    fn no_file_is_too_odd(file in prop::collection::vec(any::<u8>(), 0..400), delimiter in 0..3_usize, encoding in 0..4_usize) {
        let sniffed = sniff(&file);
        let said = Format { encoding: Encoding::ALL[encoding], delimiter: Delimiter::ALL[delimiter], has_header: false };
        for format in sniffed.into_iter().chain([said]) {
            let Ok(sheet) = Sheet::open(&file, format) else { continue };
            let mapping = Mapping { columns: LeadField::ALL.iter().copied().map(Some).collect() };
            let reading = Reading { mapping: &mapping, form: &form(), zone: Tz::UTC };
            let rows: Vec<_> = sheet.rows().collect();
            prop_assert_eq!(rows.len(), usize::try_from(sheet.count()).unwrap());
            for row in &rows {
                let _ = reading.read(row, sheet.columns());
            }
        }
    }

    /// What a spreadsheet writes is read as it was.
    #[test]
    fn what_is_written_is_read(
        rows in prop::collection::vec(prop::collection::vec("[ -~а-яё\n]{0,12}", 3..=3), 1..8), encoding in 0..4_usize, delimiter in 0..3_usize,
    ) {
        let format = Format { encoding: Encoding::ALL[encoding], delimiter: Delimiter::ALL[delimiter], has_header: false };
        let mut csv = csv::WriterBuilder::new().delimiter(format.delimiter.octet()).from_writer(Vec::new());
        for row in &rows {
            csv.write_record(row).unwrap();
        }
        let text = String::from_utf8(csv.into_inner().unwrap()).unwrap();
        let kept: Vec<_> = rows.iter().filter(|row| filled(row) > 0).cloned().collect();
        match Sheet::open(&write(&text, format.encoding), format) {
            Ok(sheet) => prop_assert_eq!(cells(&sheet), kept),
            Err(why) => prop_assert!(why == Unreadable::Empty && kept.is_empty()),
        }
    }
}
