//! What columns are called in the first line of a file.

/// A column's heading in a language. One that stands in no table has its name on the wire, which is what programs that read the file want.
#[must_use]
pub fn header<'a>(resource: &str, column: &'a str, locale: &str) -> &'a str {
    let of = |wanted: &str| HEADINGS.iter().find(|(of, name, ..)| *of == wanted && *name == column);
    match (of(resource).or_else(|| of("")), locale) {
        (Some((.., ru)), "ru") => ru,
        (Some((_, _, en, _)), _) => en,
        (None, _) => column,
    }
}

/// The resource (empty: any), the column, English, Russian.
const HEADINGS: &[(&str, &str, &str, &str)] = &[
    ("", "action", "Action", "Действие"),
    ("", "actor", "User number", "Номер пользователя"),
    ("", "actor_kind", "Done as", "От имени"),
    ("", "actor_name", "Who", "Кто"),
    ("", "answered_at", "Answered", "Ответ"),
    ("", "assigned_operator", "Operator (number)", "Оператор (номер)"),
    ("", "assigned_seller", "Seller (number)", "Продавец (номер)"),
    ("", "at", "Time", "Время"),
    ("", "attempts", "Failed attempts", "Неудачных попыток"),
    ("", "builtin", "Built in", "Встроенная"),
    ("", "call", "Call", "Звонок"),
    ("", "call_id", "Call", "Звонок"),
    ("", "callee", "To", "Кому"),
    ("", "callee_slot", "Called slot", "Вызванный слот"),
    ("", "caller", "From", "От кого"),
    ("", "caller_slot", "Calling slot", "Вызывающий слот"),
    ("", "capacity", "Capacity", "Ёмкость"),
    ("", "category", "Category", "Категория"),
    ("", "cause", "Cause", "Причина"),
    ("", "center", "Centre", "Центр"),
    ("", "claim", "Claim", "Поле"),
    ("", "client_id", "Client (number)", "Клиент (номер)"),
    ("", "client_name", "Client", "Клиент"),
    ("", "code", "Code", "Код"),
    ("", "created_at", "Created", "Создано"),
    ("", "created_by", "Created by (number)", "Кем создано (номер)"),
    ("", "cron", "When", "Когда"),
    ("", "data", "Data", "Данные"),
    ("", "diff", "Changes", "Изменения"),
    ("", "direction", "Direction", "Направление"),
    ("", "display_name", "Name", "Имя"),
    ("", "done", "Done", "Сделано"),
    ("", "duration_ms", "Duration, ms", "Длительность, мс"),
    ("", "email", "E-mail", "Эл. почта"),
    ("", "enabled", "Enabled", "Включено"),
    ("", "ended_at", "Ended", "Окончание"),
    ("", "error", "Error", "Ошибка"),
    ("", "events", "Events", "События"),
    ("", "expires_at", "Expires", "Действует до"),
    ("", "failures", "Failures in a row", "Неудач подряд"),
    ("", "first_name", "Given name", "Имя"),
    ("", "handed_over_at", "Handed over", "Передан"),
    ("", "hash", "Hash", "Хеш"),
    ("", "heard_ms", "Heard, ms", "Прослушано, мс"),
    ("", "holder", "Taken by (number)", "Кем занят (номер)"),
    ("", "holder_name", "Taken by", "Кем занят"),
    ("", "id", "No.", "№"),
    ("", "inn", "Taxpayer number", "ИНН"),
    ("", "issuer", "Provider", "Провайдер"),
    ("", "kind", "Kind", "Вид"),
    ("", "last_at", "Last report", "Последний отчёт"),
    ("", "last_login_at", "Last log-in", "Последний вход"),
    ("", "last_name", "Family name", "Фамилия"),
    ("", "listened", "Heard by oneself, %", "Прослушано лично, %"),
    ("", "lists", "Lists", "Списки"),
    ("", "locale", "Language", "Язык"),
    ("", "lost_reason", "Why lost", "Почему потерян"),
    ("", "manager", "Manager (number)", "Руководитель (номер)"),
    ("", "message", "Message", "Сообщение"),
    ("", "module", "Module", "Модуль"),
    ("", "name", "Name", "Название"),
    ("", "next_action", "Next", "Что дальше"),
    ("", "next_action_at", "Next at", "Когда дальше"),
    ("", "number", "Number", "Номер"),
    ("", "opened_at", "Opened", "Открыто"),
    ("", "org_name", "Company", "Компания"),
    ("", "outcome", "Outcome", "Итог"),
    ("", "owner_user_id", "Responsible (number)", "Ответственный (номер)"),
    ("", "parent", "Part of call", "Часть звонка"),
    ("", "patronymic", "Patronymic", "Отчество"),
    ("", "permissions", "Permissions", "Права"),
    ("", "phone", "Phone", "Телефон"),
    ("", "position_ms", "Place, ms", "Место, мс"),
    ("", "phones", "Telephone numbers", "Телефоны"),
    ("", "reason", "Reason", "Основание"),
    ("", "recording", "Recording", "Запись"),
    ("", "registered", "Registered", "Зарегистрирован"),
    ("", "remedy", "What to do", "Что делать"),
    ("", "request_id", "Request", "Запрос"),
    ("", "resource", "Of what", "Раздел"),
    ("", "resource_id", "Which one", "Объект"),
    ("", "ring_ms", "Rang, ms", "Звонил, мс"),
    ("", "ringing_at", "Ringing", "Вызов"),
    ("", "roles", "Roles", "Роли"),
    ("", "rung", "Where it rang", "Где звонил"),
    ("", "scenario", "Scenario", "Сценарий"),
    ("", "segments", "Who served it", "Кто обслуживал"),
    ("", "seq", "No.", "№"),
    ("", "settings", "Settings", "Настройки"),
    ("", "severity", "Severity", "Важность"),
    ("", "since", "Since", "С какого времени"),
    ("", "sip_status", "SIP status", "Код SIP"),
    ("", "source", "From where", "Откуда"),
    ("", "speed_permille", "Speed, thousandths", "Скорость, тысячные"),
    ("", "sso", "Logs in by provider", "Вход через провайдера"),
    ("", "started_at", "Started", "Начало"),
    ("", "state", "State", "Состояние"),
    ("", "status", "Status", "Статус"),
    ("", "tags", "Tags", "Теги"),
    ("", "talk_ms", "Talk, ms", "Разговор, мс"),
    ("", "total", "Of how much", "Всего"),
    ("", "trimmed_ms", "Not believed, ms", "Не засчитано, мс"),
    ("", "type", "Type", "Тип"),
    ("", "tz", "Time zone", "Часовой пояс"),
    ("", "updated_at", "Changed", "Изменено"),
    ("", "user", "User (number)", "Пользователь (номер)"),
    ("", "user_agent", "Program", "Программа"),
    ("", "user_id", "Who (number)", "Кто (номер)"),
    ("", "user_name", "Who", "Кто"),
    ("", "username", "User name", "Имя для входа"),
    ("", "version", "Version", "Версия"),
    ("tag_statistics", "day", "Day", "День"),
    ("tag_statistics", "group", "Group of tags", "Группа тегов"),
    ("tag_statistics", "set", "Set", "Поставлено"),
    ("tag_statistics", "tag", "Tag", "Тег"),
    ("tag_statistics", "total", "Total", "Итого"),
    ("tag_statistics", "unset", "Taken off", "Снято"),
    ("tag_statistics", "user", "Who", "Кто"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_is_in_the_readers_language() {
        assert_eq!(header("cdrs", "caller", "ru"), "От кого");
        assert_eq!(header("cdrs", "caller", "en"), "From");
        assert_eq!(header("cdrs", "caller", "fr"), "From");
        assert_eq!(header("cdrs", "utm_source", "ru"), "utm_source");
        for (place, (resource, column, en, ru)) in HEADINGS.iter().enumerate() {
            assert!(!en.is_empty() && !ru.is_empty(), "{column}");
            assert!(HEADINGS.iter().skip(place + 1).all(|(of, name, ..)| (of, name) != (resource, column)), "{column} is there twice");
        }
    }
}
