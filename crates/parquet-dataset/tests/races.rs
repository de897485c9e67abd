//! Many writers and readers of one dataset, interleaved by seeds: one winner, no mixture.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests may fail loudly; the lints spare test functions, not what they call"
)]

mod shared;

use futures_executor::block_on;
use futures_util::future::{join, join_all};
use proptest::prelude::*;
use remote_store_core::Store;
use remote_store_core::testkit::faults::FaultyBackend;
use remote_store_parquet_dataset::{DatasetError, DatasetStore, WriteDatasetOptions};
use remote_store_serializers::Table;
use shared::{KEY, generation, objects, overwrite, read, whole, write};

/// Rows of every generation; each row is a part.
const ROWS: usize = 3;

fn which(table: &Table, writers: i64) -> Option<i64> {
    let found = whole(table);
    (0..=writers).find(|number| found == whole(&generation(*number, ROWS)))
}

#[test]
fn of_two_first_writers_that_upload_their_parts_the_later_is_told_of_a_conflict() {
    let datasets = DatasetStore::new(Store::memory());
    let encoded = |number| {
        let options = remote_store_serializers::ParquetOptions::default();
        remote_store_serializers::parquet::encode_table(&generation(number, ROWS), &options)
    };
    block_on(async {
        // No part lies there yet: both choose the name of an only part.
        let mut first = datasets.begin(KEY, WriteDatasetOptions::default()).await?;
        let mut second = datasets.begin(KEY, WriteDatasetOptions::default()).await?;
        let mut part_of_first = first.begin_part().await?;
        let mut part_of_second = second.begin_part().await?;
        part_of_first.write(encoded(1)?).await?;
        part_of_second.write(encoded(2)?).await?;
        part_of_first.finish(&mut first, ROWS as u64).await?;
        let lost = part_of_second.finish(&mut second, ROWS as u64).await;
        let lost = lost.unwrap_err();
        assert_eq!(lost.kind(), "conflict", "{lost}");
        assert!(lost.to_string().contains(KEY), "{lost}");
        second.abort().await;
        first.commit().await
    })
    .unwrap();
    assert_eq!(read(&datasets).unwrap(), whole(&generation(1, ROWS)));
}

#[test]
fn of_two_first_writers_of_large_tables_one_wins_and_the_other_is_told_of_a_conflict() {
    // More than goes to the store in one piece.
    let rows = 30_000;
    for pauses in 0..8 {
        let (store, faults) = FaultyBackend::over_memory();
        let datasets = DatasetStore::new(store);
        faults.pause_each_call(pauses);
        let tables = [1, 2].map(|number| generation(number, rows));
        let [one, other] = &tables;
        let options = WriteDatasetOptions::default();
        let outcomes = block_on(join(
            datasets.write(KEY, one.reader(), options.clone()),
            datasets.write(KEY, other.reader(), options),
        ));
        let (winner, lost) = match outcomes {
            (Ok(_), Err(lost)) => (one, lost),
            (Err(lost), Ok(_)) => (other, lost),
            both => panic!("after {pauses} pauses: {both:?}"),
        };
        assert!(
            matches!(lost, DatasetError::Conflict { .. }),
            "{pauses}: {lost:?}"
        );
        assert_eq!(read(&datasets).unwrap(), whole(winner));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn of_writers_that_began_together_exactly_one_wins(
        writers in 2_i64..7,
        pauses in 0_usize..4,
        lost in 0_usize..24,
        is_first in any::<bool>(),
    ) {
        let (store, faults) = FaultyBackend::over_memory();
        let datasets = DatasetStore::new(store);
        if !is_first {
            write(&datasets, &generation(0, ROWS), overwrite().with_max_rows_per_file(1)).unwrap();
        }
        let begun = (1..=writers).map(|_| datasets.begin(KEY, overwrite()));
        let begun: Vec<_> = block_on(join_all(begun)).into_iter().collect::<Result<_, _>>().unwrap();
        faults.pause_each_call(pauses);
        faults.lose_nth_answer(lost);
        let commits = begun.into_iter().zip(1..).map(|(mut writer, number)| async move {
            let part = remote_store_serializers::parquet::encode_table(
                &generation(number, ROWS),
                &remote_store_serializers::ParquetOptions::default(),
            )?;
            writer.add_part(part, ROWS as u64).await?;
            writer.commit().await
        });
        let outcomes = block_on(join_all(commits));
        faults.heal();
        let winners: Vec<i64> = outcomes.iter().zip(1..).filter(|(outcome, _)| outcome.is_ok()).map(|(_, number)| number).collect();
        let refused = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).map(DatasetError::kind);
        for kind in refused {
            // A lost answer to a part is a failure of its writer, told as such.
            prop_assert!(kind == "conflict" || (kind == "backend-unavailable" && lost > 0), "{}", kind);
        }
        prop_assert_eq!(winners.len(), 1);
        let found = block_on(datasets.read(KEY, None)).unwrap();
        prop_assert_eq!(which(&found, writers), winners.first().copied());
    }

    #[test]
    fn readers_beside_many_writers_see_whole_generations(
        writers in 2_i64..6,
        readers in 1_usize..4,
        pauses in 0_usize..4,
    ) {
        let (store, faults) = FaultyBackend::over_memory();
        let datasets = DatasetStore::new(store);
        write(&datasets, &generation(0, ROWS), overwrite().with_max_rows_per_file(1)).unwrap();
        faults.pause_each_call(pauses);
        let datasets = &datasets;
        let writing = join_all((1..=writers).map(|number| async move {
            let table = generation(number, ROWS);
            let options = overwrite().with_max_rows_per_file(1);
            datasets.write(KEY, table.reader(), options).await.map(|_| number)
        }));
        let reading = join_all((0..readers).map(|_| async move {
            let mut seen = Vec::new();
            for _ in 0..4 {
                let table = datasets.read(KEY, None).await?;
                seen.push(which(&table, writers));
            }
            Ok::<_, DatasetError>(seen)
        }));
        let (written, seen) = block_on(join(writing, reading));
        for seen in seen {
            let seen = seen.unwrap();
            prop_assert!(seen.iter().all(Option::is_some), "a mixture: {:?}", seen);
        }
        let winners: Vec<i64> = written.iter().flatten().copied().collect();
        let last = which(&block_on(datasets.read(KEY, None)).unwrap(), writers).unwrap();
        prop_assert!(winners.contains(&last));
        for refused in written.iter().filter_map(|outcome| outcome.as_ref().err()) {
            prop_assert_eq!(refused.kind(), "conflict");
        }
        prop_assert_eq!(objects(datasets.store()).len(), ROWS + 2);
        prop_assert_eq!(read(datasets).unwrap().num_rows(), ROWS);
    }
}
