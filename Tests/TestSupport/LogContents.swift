// Everything that a log's index shows, read back from its blocks and tails and checked on the way.

import Bytes
import Disk
import EventLog
import Records
import Segments
import Synchronization

/// A log as plain arrays.
package struct LogContents: Hashable, Sendable {
    /// Records by topic and partition, in the order of their indexes.
    package var records: [String: [String]] = [:]
    /// The commit of each of those records.
    package var commits: [String: [UInt64]] = [:]
    /// Names and documents, in commit order.
    package var events: [String] = []
    /// What contradicts the invariants of LogIndex.swift: gaps, doubles, commits past the cut, damage.
    package var contradictions: [String] = []

    /// What stands for a record that a tombstone let go.
    package static let letGo = "let go"

    /// A log without anything.
    package init() {}

    /// Reads everything that the snapshot shows. Damage ends nothing: it is among the contradictions.
    package init(_ snapshot: LogSnapshot) {
        let reader = BlockReader()
        for (name, topic) in snapshot.index.topics {
            let parts = parts(of: topic, name, snapshot, reader)
            take(parts, of: topic, name, upTo: snapshot.cut)
        }
        for (key, all) in commits {
            let commits = all.filter { $0 != 0 }
            if commits == commits.sorted() { continue }
            contradictions.append("\(key) has commits out of order: \(commits)")
        }
        for place in snapshot.index.events {
            do throws(SegmentError) {
                let event = try snapshot.event(place)
                if event.name != place.entry.name { contradictions.append("an event has two names") }
                events.append("\(event.name) \(String(decoding: event.document, as: UTF8.self))")
            } catch {
                contradictions.append("\(error)")
            }
        }
    }

    /// Neighbours of one partition, from a block, from memory, or where something was let go.
    private struct Part {
        var partition: String
        var firstIndex: UInt64
        var texts: [String]
        var commits: [UInt64]
    }

    /// What is shown of a topic, in no order.
    private mutating func parts(
        of topic: TopicIndex, _ name: String, _ snapshot: LogSnapshot, _ reader: BlockReader
    ) -> [Part] {
        var parts: [Part] = []
        for segment in topic.segments {
            for block in segment.blocks {
                do throws(SegmentError) {
                    let file = try snapshot.files.segment(segment.segment)
                    let (head, times, texts) = try LogContents.read(
                        block, of: file, hiding: topic.hiddenFields(of: block), with: reader)
                    let runs =
                        head.commitRuns.isEmpty
                        ? [CommitRun(commit: block.firstCommit, rowCount: head.rowCount)]
                        : head.commitRuns
                    if head.topic != name || head.partition != block.partition
                        || head.firstIndex != block.firstIndex || head.rowCount != block.rowCount
                        || head.timeMin != block.timeMin || head.timeMax != block.timeMax
                        || runs.first?.commit != block.firstCommit
                        || runs.last?.commit != block.lastCommit
                        || head.timeMin != times.min() || head.timeMax != times.max()
                    {
                        contradictions.append("the entry of \(block) is not its head")
                    }
                    parts.append(
                        Part(
                            partition: block.partition, firstIndex: block.firstIndex, texts: texts,
                            commits: LogContents.commits(runs)))
                } catch {
                    contradictions.append("\(error)")
                }
            }
        }
        for (partition, runs) in topic.tails {
            for run in runs {
                parts.append(
                    Part(
                        partition: partition, firstIndex: run.firstIndex, texts: run.batch.recordTexts,
                        commits: LogContents.commits(run.commitRuns)))
            }
        }
        for (partition, letGo) in topic.letGo {
            parts += letGo.ranges.map { range in
                Part(
                    partition: partition, firstIndex: range.lowerBound,
                    texts: [String](repeating: LogContents.letGo, count: range.count),
                    commits: [UInt64](repeating: 0, count: range.count))
            }
        }
        return parts
    }

    /// Puts the parts of a topic one behind another.
    private mutating func take(
        _ parts: [Part], of topic: TopicIndex, _ name: String, upTo cut: CommitNumber
    ) {
        var nextIndexes: [String: UInt64] = [:]
        for part in parts.sorted(by: { $0.firstIndex < $1.firstIndex }) {
            let key = "\(name)/\(part.partition)"
            let next = UInt64(records[key]?.count ?? 0)
            if part.firstIndex != next {
                contradictions.append("\(key) goes on at \(part.firstIndex), \(next) was next")
            }
            if part.commits.count != part.texts.count || part.commits.contains(where: { $0 > cut }) {
                contradictions.append("\(key) from \(part.firstIndex) has the commits \(part.commits)")
            }
            records[key, default: []] += part.texts
            commits[key, default: []] += part.commits
            nextIndexes[part.partition] = UInt64(records[key]?.count ?? 0)
        }
        if nextIndexes != topic.nextIndexes {
            contradictions.append(
                "\(name) would go on at \(topic.nextIndexes), it ends at \(nextIndexes)")
        }
    }

    private struct Block {
        var head: BlockHead
        var times: [Int64]
        var texts: [String]
    }

    /// Blocks read before: a sweep meets the same bytes thousands of times, and they say the same.
    private static let known = Mutex<[[UInt8]: Block]>([:])

    private static func read(
        _ entry: BlockEntry, of file: SegmentFile, hiding hidden: Set<ExactText>, with reader: BlockReader
    ) throws(SegmentError) -> (BlockHead, [Int64], [String]) {
        var bytes = try file.read(at: entry.offset, byteCount: entry.headByteCount)
        if entry.kind == .grouped {
            for place in try file.head(entry).columnPlaces {
                bytes += try file.read(at: entry.columnsOffset + place.offset, byteCount: place.byteCount)
            }
        } else {
            bytes += try file.read(
                at: entry.offset + entry.headByteCount, byteCount: entry.byteCount - entry.headByteCount)
        }
        if hidden.isEmpty, let block = known.withLock({ $0[bytes] }) {
            return (block.head, block.times, block.texts)
        }
        var (head, batch) = try file.batch(entry, with: reader)
        if !hidden.isEmpty {
            batch.fields.removeAll { hidden.contains(ExactText($0.name)) }
            head.fields.removeAll { hidden.contains(ExactText($0.name)) }
        }
        let texts = batch.recordTexts
        if hidden.isEmpty {
            known.withLock { $0[bytes] = Block(head: head, times: batch.times, texts: texts) }
        }
        return (head, batch.times, texts)
    }

    private static func commits(_ runs: [CommitRun]) -> [UInt64] {
        runs.flatMap { [UInt64](repeating: $0.commit, count: $0.rowCount) }
    }
}
