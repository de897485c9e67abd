//! Deleting: one, many, all below a folder.

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};

use crate::error::{Error, Result, Subject};
use crate::key::ObjectKey;

use super::Inner;

/// The most keys that one request may delete.
const BATCH: usize = 1000;
/// How many such requests are under way at once.
const BATCHES_IN_FLIGHT: usize = 4;

/// One answer for a whole request, as the answer for each of its keys.
fn each_failed(keys: Vec<ObjectKey>, err: &Error) -> Vec<(ObjectKey, Result<()>)> {
    keys.into_iter()
        .map(|key| (key, Err(err.clone())))
        .collect()
}

impl Inner {
    pub(super) async fn delete_if_exists(&self, key: &ObjectKey) -> Result<()> {
        for (_, result) in self.delete_batch(vec![key.clone()]).await? {
            result?;
        }
        Ok(())
    }

    pub(super) async fn delete_many(
        &self,
        keys: Vec<ObjectKey>,
    ) -> Result<Vec<(ObjectKey, Result<()>)>> {
        let batches: Vec<Vec<ObjectKey>> = keys.chunks(BATCH).map(<[ObjectKey]>::to_vec).collect();
        let several = batches.len() > 1;
        let results: Vec<_> = stream::iter(batches)
            .map(|batch| async move {
                match self.delete_batch(batch.clone()).await {
                    // What other requests did is told all the same.
                    Err(err) if several => Ok(each_failed(batch, &err)),
                    outcome => outcome,
                }
            })
            .buffered(BATCHES_IN_FLIGHT)
            .try_collect()
            .await?;
        Ok(results.into_iter().flatten().collect())
    }

    /// Deletes what a listing yields, a batch at a time; how many it were.
    pub(super) async fn delete_all(
        &self,
        keys: BoxStream<'static, Result<ObjectKey>>,
    ) -> Result<usize> {
        let batches = keys.try_chunks(BATCH).map_err(|err| err.1);
        batches
            .map_ok(|batch| self.delete_batch(batch))
            .try_buffered(BATCHES_IN_FLIGHT)
            .try_fold(0, |count, results| async move {
                let deleted = results.len();
                results.into_iter().try_for_each(|(_, result)| result)?;
                Ok(count + deleted)
            })
            .await
    }

    async fn delete_batch(&self, keys: Vec<ObjectKey>) -> Result<Vec<(ObjectKey, Result<()>)>> {
        let locations = keys
            .iter()
            .map(|key| self.location(key))
            .collect::<Result<Vec<_>>>()?;
        let client = self.client()?;
        let answers: Vec<_> = client
            .delete_stream(stream::iter(locations.into_iter().map(Ok)).boxed())
            .collect()
            .await;
        if answers.len() != keys.len() {
            // One answer for the whole request: it failed as a whole.
            let failed = answers.into_iter().find_map(std::result::Result::err);
            return Err(failed.map_or_else(
                || {
                    Error::unavailable(
                        self.name(),
                        "The service answered a bulk delete incompletely",
                    )
                },
                |err| self.failure("", &err),
            ));
        }
        Ok(keys
            .into_iter()
            .zip(answers)
            .map(|(key, answer)| {
                let result = match answer.map_err(|err| self.failure(key.as_str(), &err)) {
                    Err(err) if !err.is_missing_object() => Err(err),
                    Ok(_) | Err(_) => Ok(()),
                };
                (key, result)
            })
            .collect())
    }

    /// The source of a copy onto itself has to exist.
    pub(super) async fn source(&self, key: &ObjectKey) -> Result<()> {
        match self.head(key).await {
            Ok(_) => Ok(()),
            Err(err) if err.is_missing_object() => {
                Err(Error::missing(Subject::Source, key.as_str(), self.name()))
            }
            Err(err) => Err(err),
        }
    }
}
