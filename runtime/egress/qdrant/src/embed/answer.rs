//! What the service answers.

use serde::Deserialize;

#[derive(Deserialize)]
struct Answer {
    data: Vec<One>,
}

#[derive(Deserialize)]
struct One {
    index: usize,
    embedding: Vec<f32>,
}

/// A vector for each of `count` texts, in their order. The error is the rest of a sentence about the service.
pub(super) fn read(body: &[u8], count: usize, dimensions: Option<u64>) -> Result<Vec<Vec<f32>>, String> {
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|error| format!("does not answer as `/embeddings` of OpenAI does ({error}): check its `url`"))?;
    if answer.data.len() != count {
        return Err(format!("answers {count} texts with {} vectors", answer.data.len()));
    }
    let mut vectors: Vec<Option<Vec<f32>>> = vec![None; count];
    for One { index, embedding } in answer.data {
        if embedding.is_empty() {
            return Err("answers with a vector that has no numbers".to_owned());
        }
        if let Some(asked) = dimensions.filter(|asked| *asked != embedding.len() as u64) {
            return Err(format!(
                "answers with vectors of {} dimensions, and {asked} were asked for: the model may give only its own number",
                embedding.len()
            ));
        }
        match vectors.get_mut(index) {
            Some(place @ None) => *place = Some(embedding),
            _ => {
                return Err(format!(
                    "answers with two vectors for text {index}, or with one for none"
                ));
            }
        }
    }
    Ok(vectors.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_put_in_the_order_of_their_texts() {
        let body = br#"{"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":[1.5]}],"model":"m"}"#;
        assert_eq!(read(body, 2, Some(1)), Ok(vec![vec![1.5], vec![2.0]]));
    }

    #[test]
    fn other_answers_are_told_apart() {
        for (body, expected) in [
            ("<html>", "does not answer"),
            (r#"{"data":[]}"#, "with 0 vectors"),
            (r#"{"data":[{"index":0,"embedding":[]}]}"#, "no numbers"),
            (r#"{"data":[{"index":0,"embedding":[1e40]}]}"#, "out of range"),
            (r#"{"data":[{"index":1,"embedding":[1]}]}"#, "for none"),
            (r#"{"data":[{"index":0,"embedding":[1,2]}]}"#, "2 dimensions"),
        ] {
            let why = read(body.as_bytes(), 1, Some(1)).expect_err(body);
            assert!(why.contains(expected), "{why}");
        }
    }
}
