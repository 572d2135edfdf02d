//! From a value of the language to JSON text. The same value makes the same text, always: keys are sorted.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use cel::common::{
    types::{
        CelBool, CelBytes, CelDouble, CelDuration, CelInt, CelList, CelMap, CelMapKey, CelNull, CelOptional,
        CelString, CelTimestamp, CelUInt,
    },
    value::{CowVal, Val},
};

use super::{bounds::RESULT_BYTES, language};

/// Write a value. `None` is an optional without a value.
pub(super) fn write(value: &dyn Val) -> Result<Option<String>, String> {
    let value = match value.downcast_ref::<CelOptional>() {
        Some(optional) => match optional.inner() {
            Some(value) => value,
            None => return Ok(None),
        },
        None => value,
    };
    let mut json = String::new();
    add(value, &mut json)?;
    Ok(Some(json))
}

fn add(value: &dyn Val, json: &mut String) -> Result<(), String> {
    if let Some(text) = value.downcast_ref::<CelString>() {
        push_text(text.inner(), json)?;
    } else if let Some(number) = value.downcast_ref::<CelInt>() {
        json.push_str(&number.inner().to_string());
    } else if let Some(number) = value.downcast_ref::<CelUInt>() {
        json.push_str(&number.inner().to_string());
    } else if let Some(number) = value.downcast_ref::<CelDouble>() {
        let number = *number.inner();
        let finite = serde_json::Number::from_f64(number);
        let finite = finite.ok_or_else(|| format!("the number {number} cannot be written as JSON"))?;
        json.push_str(&finite.to_string());
    } else if let Some(boolean) = value.downcast_ref::<CelBool>() {
        json.push_str(if *boolean.inner() { "true" } else { "false" });
    } else if value.downcast_ref::<CelNull>().is_some() {
        json.push_str("null");
    } else if let Some(bytes) = value.downcast_ref::<CelBytes>() {
        push_text(&BASE64_STANDARD.encode(bytes.inner()), json)?;
    } else if let Some(list) = value.downcast_ref::<CelList>() {
        json.push('[');
        for (i, value) in list.inner().iter().enumerate() {
            if i > 0 {
                json.push(',');
            }
            add(value.as_ref(), json)?;
        }
        json.push(']');
    } else if let Some(map) = value.downcast_ref::<CelMap>() {
        let mut members = Vec::with_capacity(map.inner().len());
        for (key, value) in map.inner() {
            let CelMapKey::String(key) = key else {
                let kind = key.inner().get_type().name();
                return Err(format!(
                    "an object has texts as keys, here is one of type {kind}; convert it with string(…)"
                ));
            };
            members.push((key.inner(), value));
        }
        members.sort_unstable_by_key(|(key, _)| *key);
        json.push('{');
        for (i, (key, value)) in members.into_iter().enumerate() {
            if i > 0 {
                json.push(',');
            }
            push_text(key, json)?;
            json.push(':');
            add(value.as_ref(), json)?;
        }
        json.push('}');
    } else if value.downcast_ref::<CelTimestamp>().is_some() || value.downcast_ref::<CelDuration>().is_some()
    {
        push_text(&in_words(value)?, json)?;
    } else if value.downcast_ref::<CelOptional>().is_some() {
        return Err(
            "an optional within a value cannot be written; give it a value with orValue(…)".to_owned()
        );
    } else {
        return Err(format!("a value of type {} cannot be written as JSON", value.get_type().name()));
    }
    match json.len() <= RESULT_BYTES {
        true => Ok(()),
        false => Err(too_large()),
    }
}

fn push_text(text: &str, json: &mut String) -> Result<(), String> {
    if json.len() + text.len() > RESULT_BYTES {
        return Err(too_large());
    }
    json.push_str(&serde_json::to_string(text).map_err(|error| error.to_string())?);
    Ok(())
}

fn too_large() -> String {
    format!("the value has more than {} MiB", RESULT_BYTES >> 20)
}

/// What the language's own `string(…)` makes of a value.
fn in_words(value: &dyn Val) -> Result<String, String> {
    let arguments = vec![CowVal::Borrowed(value)];
    let convert = language::environment().find_overload("string", &arguments);
    let convert =
        convert.ok_or_else(|| format!("a value of type {} has no text", value.get_type().name()))?;
    let text = convert(arguments).map_err(|error| error.to_string())?;
    let text = text.downcast_ref::<CelString>().map(|text| text.inner().to_owned());
    text.ok_or_else(|| "a text was expected".to_owned())
}
