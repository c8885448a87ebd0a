//! Accounts as lists and pages show them: what the list engine reads, and what belongs to it from other tables.

use std::collections::BTreeMap;

use model::UserId;
use serde_json::{Map, Value, json};
use store::{StoreError, binds, ids, sql, statements};

use crate::{ListPage, ListParams, Office, OfficeError, View};

statements! {
    ROLES: each
        concat!("SELECT ur.user_id, r.code FROM user_roles ur JOIN roles r ON r.id = ur.role_id WHERE ur.user_id IN ", ids!(lite), "
            ORDER BY ur.user_id, r.code"),
        concat!("SELECT ur.user_id, r.code FROM user_roles ur JOIN roles r ON r.id = ur.role_id WHERE ur.user_id IN ", ids!(pg), "
            ORDER BY ur.user_id, r.code");
    LISTS: each
        concat!("SELECT principal_id, resource, kind, item FROM access_lists WHERE principal_kind = 'user' AND principal_id IN ", ids!(lite), "
            ORDER BY principal_id, resource, kind, item"),
        concat!("SELECT principal_id, resource, kind, item FROM access_lists WHERE principal_kind = 'user' AND principal_id IN ", ids!(pg), "
            ORDER BY principal_id, resource, kind, item");
    COLUMNS: each
        concat!("SELECT principal_id, resource, column_name, mode FROM column_policies WHERE principal_kind = 'user' AND principal_id IN ",
            ids!(lite), " ORDER BY principal_id, resource, column_name"),
        concat!("SELECT principal_id, resource, column_name, mode FROM column_policies WHERE principal_kind = 'user' AND principal_id IN ",
            ids!(pg), " ORDER BY principal_id, resource, column_name");
}

impl Office {
    /// A page of accounts.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`] with all that is wrong with what was asked.
    pub async fn users(&self, view: &View, params: &ListParams) -> Result<ListPage, OfficeError> {
        let mut page = self.list(view, params).await?;
        for column in page.added.clone() {
            let mut values = self.added(column.name, &page.keys).await?;
            for (key, row) in page.keys.iter().zip(&mut page.items) {
                add(view, row, column.name, values.remove(key));
            }
        }
        Ok(page)
    }

    /// One account.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] if there is no such account, or the person may not see it.
    pub async fn user(&self, view: &View, user: UserId) -> Result<Map<String, Value>, OfficeError> {
        let mut row = self.read(view, &user.to_string()).await?;
        for (column, _) in view.columns().iter().filter(|(column, _)| column.sql.is_empty()) {
            let mut values = self.added(column.name, &[user.0]).await?;
            add(view, &mut row, column.name, values.remove(&user.0));
        }
        Ok(row)
    }

    /// The values of a column that stand in another table, by account.
    async fn added(&self, column: &str, users: &[i64]) -> Result<BTreeMap<i64, Vec<Value>>, StoreError> {
        let (db, ids) = (self.store().db(), sql::list(users.iter().copied()));
        let mut values: BTreeMap<i64, Vec<Value>> = BTreeMap::new();
        match column {
            "roles" => {
                let rows: Vec<(i64, String)> = db.all(ROLES, binds![&ids]).await?;
                for (user, code) in rows {
                    values.entry(user).or_default().push(code.into());
                }
            }
            "columns" => {
                let rows: Vec<(i64, String, String, String)> = db.all(COLUMNS, binds![&ids]).await?;
                for (user, resource, column, mode) in rows {
                    values.entry(user).or_default().push(json!({"resource": resource, "column": column, "mode": mode}));
                }
            }
            "lists" => {
                let rows: Vec<(i64, String, String, String)> = db.all(LISTS, binds![&ids]).await?;
                let mut lists: BTreeMap<(i64, String, String), Vec<String>> = BTreeMap::new();
                for (user, resource, kind, item) in rows {
                    lists.entry((user, resource, kind)).or_default().push(item);
                }
                for ((user, resource, kind), ids) in lists {
                    values.entry(user).or_default().push(json!({"resource": resource, "kind": kind, "ids": ids}));
                }
            }
            _ => {}
        }
        Ok(values)
    }
}

fn add(view: &View, row: &mut Map<String, Value>, column: &str, values: Option<Vec<Value>>) {
    if let Some(value) = view.shown(column, Value::Array(values.unwrap_or_default())) {
        row.insert(column.to_owned(), value);
    }
}
