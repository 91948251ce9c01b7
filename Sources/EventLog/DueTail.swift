// Which small records become columns with the next commit.
//
// Invariants:
//  * A tail that fills a block is rolled when its partition gets more, and what is more than a block stays.
//  * Where all tails take more than may be, the fullest are rolled, until a little less is taken than may be.

/// Records of one partition that are to become columns: a block.
struct Roll {
    var topic: String
    var run: TailRun
}

/// Neighbours that are to become columns of one partition.
struct DueTail {
    var topic: String
    var runs: [TailRun]

    var byteCount: Int { runs.reduce(0) { $0 + $1.byteCount } }

    /// In as few blocks as can be, but for times that lie far apart. Not under the index's lock: it
    /// copies rows.
    var rolls: [Roll] {
        TailRun.joined(runs).flatMap(\.cutAtFarTimes).map { Roll(topic: topic, run: $0) }
    }
}

extension LogIndex {
    /// Tails that fill a block, of the partitions that get more now; or the fullest ones, where all
    /// together hold too much memory. As the index says them, so that they may be joined without its lock.
    func dueTails(_ sources: Set<AppendSource>, _ limit: LogConfiguration) -> [DueTail] {
        var due: [DueTail] = []
        for source in sources {
            guard let runs = topics[source.topic]?.tails[source.partition],
                runs.reduce(0, { $0 + $1.batch.rowCount }) >= limit.tailRowCountMax
            else { continue }
            // What is more than a block is the beginning of the next one.
            due.append(DueTail(topic: source.topic, runs: Array(TailRun.blockful(of: runs[...]))))
        }
        let rolled = due.reduce(0) { $0 + $1.byteCount }
        guard tailByteCount - rolled > limit.tailByteCountMax else { return due }
        var waiting: [DueTail] = []
        for (topic, topicIndex) in topics {
            for (partition, runs) in topicIndex.tails {
                let isDue =
                    sources.contains(AppendSource(topic: topic, partition: partition))
                    && runs.reduce(0) { $0 + $1.batch.rowCount } >= limit.tailRowCountMax
                if !isDue { waiting.append(DueTail(topic: topic, runs: runs)) }
            }
        }
        // A little more than must be, so that not every commit looks through all tails.
        let enough = limit.tailByteCountMax - limit.tailByteCountMax / 16
        var byteCount = waiting.reduce(0) { $0 + $1.byteCount }
        for tail in waiting.sorted(by: { $0.byteCount > $1.byteCount })
        where byteCount > enough {
            due.append(tail)
            byteCount -= tail.byteCount
        }
        return due
    }

    /// All small records, by partition.
    var allTails: [DueTail] {
        topics.flatMap { topic, topicIndex in
            topicIndex.tails.values.map { DueTail(topic: topic, runs: $0) }
        }
    }
}
