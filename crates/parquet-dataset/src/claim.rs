//! Taking over a dataset without a marker: between two first writers exactly one may win.
//!
//! A manifest without a marker is what a writer leaves that died right before it wrote the
//! marker, and what one that still runs has at that moment. Both look alike, and marker and
//! manifest are two objects that no store swaps together. So whoever takes over unasked first
//! claims: it swaps the manifest for the same one with a field more, and only then looks for
//! the marker. The other writer reads the manifest again after it has written the marker:
//!
//! | the claim came | the claimer then | the first writer then |
//! |---|---|---|
//! | before the marker was written and looked for | finds none, swaps | finds the claim or the swap |
//! | after the marker | finds it, and gives the dataset back | finds its own manifest |
//!
//! Who finds a claim on its dataset takes it back in one conditional write; of that and the
//! claimer's swap the store lets one happen, and the other writer is told of a conflict.

use bytes::Bytes;
use remote_store_core::WriteOptions;
use serde_json::{Map, Value};

use crate::commit::{Replaced, is_refusal};
use crate::error::{DatasetError, Result};
use crate::layout::random_hex;
use crate::manifest::as_python_writes;
use crate::writer::DatasetWriter;

/// The field that a claim adds; readers leave it aside as they do all that they do not know.
const CLAIM: &str = "claimed_by";
/// So many claims are taken back, each of another writer.
const CONFIRM_TRIES: usize = 8;

/// The manifest with a claim on it; none for what is no manifest, which no writer waits for.
fn claimed(json: &[u8]) -> Option<Bytes> {
    let mut fields: Map<String, Value> = serde_json::from_slice(json).ok()?;
    fields.insert(CLAIM.to_owned(), random_hex().into());
    Some(as_python_writes(&Value::Object(fields)))
}

/// Whether `found` is the manifest `json` with a claim on it.
fn is_claim_on(found: &[u8], json: &[u8]) -> bool {
    let fields = |json| serde_json::from_slice::<Map<String, Value>>(json).ok();
    let (Some(mut found), Some(fields)) = (fields(found), fields(json)) else {
        return false;
    };
    found.remove(CLAIM).is_some() && found == fields
}

impl DatasetWriter {
    /// Before the swap: makes sure that what is replaced unasked is nobody's dataset.
    pub(crate) async fn claim(&mut self) -> Result<()> {
        if self.options.overwrite {
            return Ok(());
        }
        let Some(replaced) = self.replaced.clone() else {
            return Ok(());
        };
        let claimed = replaced
            .revision
            .clone()
            .zip(claimed(&replaced.json))
            .map(|(revision, claim)| (WriteOptions::if_match(revision), claim));
        let outcome = match claimed {
            Some((options, claim)) => self.write_claim(&claim, options).await,
            // The marker is all that can be looked at.
            None => Ok(()),
        };
        let refusal = match self.store.is_file(&self.layout.success()).await {
            Ok(false) => match outcome {
                Ok(()) => return Ok(()),
                Err(error) => error,
            },
            Ok(true) => {
                self.give_back(&replaced.json).await;
                self.already_exists()
            }
            Err(error) => error.into(),
        };
        self.remove_written().await;
        Err(refusal)
    }

    async fn write_claim(&mut self, claim: &Bytes, options: WriteOptions) -> Result<()> {
        let options = options.with_content_type("application/json");
        let path = self.layout.manifest();
        let written = self.store.write(&path, claim.clone(), &options).await;
        // The answer may be lost; and the swap needs the revision of what is there.
        match Replaced::read(&self.store, &self.layout).await? {
            Some(now) if now.json == *claim => {
                self.replaced = Some(now);
                Ok(())
            }
            _ => match written {
                Err(error) if !is_refusal(&error) => Err(error.into()),
                _ => Err(self.conflict()),
            },
        }
    }

    /// Undoes the claim, unless the manifest has changed since. What stays if that fails names
    /// the same parts.
    async fn give_back(&self, json: &Bytes) {
        if let Some(Replaced {
            json: claim,
            revision: Some(revision),
        }) = &self.replaced
            && claim != json
        {
            let options = WriteOptions::if_match(revision.clone());
            let options = options.with_content_type("application/json");
            let path = self.layout.manifest();
            let _it_changed = self.store.write(&path, json.clone(), &options).await;
        }
    }

    /// After the marker was written where none was: whether the dataset is still this one.
    pub(crate) async fn confirm(&self, json: &Bytes) -> Result<()> {
        for _ in 0..CONFIRM_TRIES {
            let Some(found) = Replaced::read(&self.store, &self.layout).await? else {
                // It was committed, and somebody deleted it since.
                return Ok(());
            };
            if found.json == *json || found.took_the_place_of(json) {
                return Ok(());
            }
            let Some(revision) = found.revision.filter(|_| is_claim_on(&found.json, json)) else {
                break;
            };
            let options = WriteOptions::if_match(revision);
            let options = options.with_content_type("application/json");
            let path = self.layout.manifest();
            // Whether it worked shows in what is there then.
            let _looked_at_next = self.store.write(&path, json.clone(), &options).await;
        }
        Err(self.conflict())
    }

    fn already_exists(&self) -> DatasetError {
        let (key, backend) = (
            self.layout.key().to_owned(),
            self.store.backend().name().to_owned(),
        );
        DatasetError::AlreadyExists { key, backend }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_known_from_every_other_manifest() {
        let mine: &[u8] = br#"{"parts": ["data.parquet"], "row_count": 3, "newer": 1}"#;
        let claim = claimed(mine).unwrap();
        assert!(is_claim_on(&claim, mine));
        assert_ne!(claim, claimed(mine).unwrap(), "each claim is its own");
        assert!(!is_claim_on(mine, mine));
        assert!(!is_claim_on(
            &claim,
            br#"{"parts": ["data.parquet"], "row_count": 4, "newer": 1}"#
        ));
        assert!(!is_claim_on(b"PAR1", mine));
        assert!(claimed(b"PAR1").is_none() && claimed(b"[]").is_none());
    }
}
