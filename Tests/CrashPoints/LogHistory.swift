// What is done to a log in a test, and what it must then hold.
//
// Invariants:
//  * A history is a function of its seed.
//  * `LogModel` is the plain array that the log is compared with; it knows no file and no block.

import Bytes
import EventLog
import Records
import Segments
import Simulation
import TestSupport

/// One thing of a commit, encoded once for all runs of its history.
package struct Part {
    /// As the log takes it.
    package let item: AppendItem
    /// Topic and partition; nil for an event.
    package let key: String?
    /// One a record, or the event's name and document.
    package let texts: [String]
    private(set) var records: [ModelRecord] = []
    /// What a retry of it would be told by.
    package var requestKey: RequestKey?

    /// An event, which has no key of a request.
    package init(_ event: Event) {
        item = .event(event)
        key = nil
        texts = ["\(event.name) \(String(decoding: event.document, as: UTF8.self))"]
    }

    /// Records as a column block, or as a small one.
    package init(_ records: [ModelRecord], topic: String, partition: String, isSmall: Bool) {
        let batch = RecordBatch(records)
        item =
            isSmall
            ? .small(batch, AppendSource(topic: topic, partition: partition))
            : .columns(BlockEncoder().encode(batch, topic: topic, partition: partition))
        key = "\(topic)/\(partition)"
        texts = records.map(\.text)
        self.records = records
    }
}

/// One thing that is done to a log. What it names need not be there: then nothing comes of it.
package enum Step {
    case commit([Part])
    /// Seals, lets the writer go, and opens again.
    case close
    /// Lets the writer go as a killed process does, and opens again.
    case kill
    /// Lets some sealed or unsealed blocks go, as retention does; which, the number says.
    case letGo(UInt64)
    case delete(topic: String)
    case redact(topic: String, field: String)
    /// Rewrites what is due; all that is sealed where it regroups.
    case compact(regroups: Bool)
    /// Copies the log to a directory beside it, while the writer commits these and rewrites.
    case snapshot([Part])
    /// Makes a directory of its own of the last snapshot.
    case restore
    /// Uploads these bytes as a model.
    case model([UInt8])
    /// Makes a log of some events of the old one and these commits, and puts it in its place, as is done to one
    /// that is derived anew.
    case succeed([[Part]])
    /// Leaves the disk so many bytes of room, also behind a power cut; nil gives it back.
    case room(Int?)
}

/// What a log must hold, as plain arrays.
package struct LogModel: Hashable {
    /// By topic and partition with a slash between, in the order of their addresses.
    package var records: [String: [String]] = [:]
    /// Names and documents, in the order of the log; tombstones are among them.
    package var events: [String] = []
    /// Idempotency keys, with the records they stand for and when they were used last.
    package private(set) var keys: [String: KeyUse] = [:]
    /// How often a key was used.
    private var keyUseCount = 0
    /// When one was last: the log's only clock.
    private var keyTime = Int64.min
    /// What a key of a request stands for.
    package struct KeyUse: Hashable {
        package var span: AppendedSpan
        /// Milliseconds, on the clock of keys.
        package var time: Int64
    }

    /// How long a key is remembered.
    package static let keyHorizonMilliseconds = LogConfiguration().keyHorizonMilliseconds

    /// Records by their texts: a text is that of one record.
    private var known: [String: ModelRecord] = [:]

    mutating func apply(_ tombstone: Tombstone) {
        events.append("\(Tombstone.eventName) \(String(decoding: tombstone.event.document, as: UTF8.self))")
        for (partition, ranges) in tombstone.ranges {
            for range in ranges.ranges {
                for index in range {
                    records["\(tombstone.topic)/\(partition)"]?[Int(index)] = LogContents.letGo
                }
            }
        }
        if tombstone.reason == .deletion {
            keys = keys.filter { _, use in
                let ranges = use.span.topic == tombstone.topic ? tombstone.ranges[use.span.partition] : nil
                return !(ranges?.contains(use.span.firstIndex..<use.span.endIndex) ?? false)
            }
        }
        guard let field = tombstone.field else { return }
        for key in records.keys where key.hasPrefix(tombstone.topic + "/") {
            for index in records[key]!.indices {
                guard var record = known[records[key]![index]] else { continue }
                record.fields[field] = nil
                known[record.text] = record
                records[key]![index] = record.text
            }
        }
    }

    /// Takes events over from another log.
    mutating func carry(_ texts: [String]) { events += texts }

    /// Takes in one commit. A key that is remembered still stands for what it did.
    package mutating func apply(_ parts: [Part]) {
        for part in parts {
            for (record, text) in zip(part.records, part.texts) { known[text] = record }
            if let key = part.requestKey, let span = span(part), !remembers(key.text, at: key.time) {
                keys[key.text] = KeyUse(span: span, time: key.time)
                keyUseCount += 1
                keyTime = max(keyTime, key.time)
            }
            if let key = part.key { records[key, default: []] += part.texts } else { events += part.texts }
        }
    }

    /// Whether a key was used, and not longer ago than the horizon.
    package func remembers(_ key: String, at now: Int64) -> Bool {
        keys[key].map { now - $0.time <= LogModel.keyHorizonMilliseconds } ?? false
    }

    /// The addresses that a part's records get next; nil for an event.
    func span(_ part: Part) -> AppendedSpan? {
        guard let key = part.key else { return nil }
        let names = key.split(separator: "/").map(String.init)
        let first = UInt64(records[key]?.count ?? 0)
        return AppendedSpan(
            topic: names[0], partition: names[1], firstIndex: first,
            endIndex: first + UInt64(part.texts.count))
    }

    /// The same, on a copy: what a log may hold whose commit was not acknowledged.
    package func applying(_ parts: [Part]) -> LogModel {
        var next = self
        next.apply(parts)
        return next
    }

    /// How what a writer remembers of keys differs, in a sentence; nil where it does not.
    package func difference(_ memory: KeyMemory) -> String? {
        var youngCount = 0
        for (key, use) in keys {
            let isYoung = remembers(key, at: keyTime)
            if isYoung { youngCount += 1 }
            let found = memory.span(topic: use.span.topic, key: key, at: keyTime)
            guard found != (isYoung ? use.span : nil) else { continue }
            guard isYoung else { return "the key \(key) is past the horizon, and stands for \(found!)" }
            return
                "the key \(key) stands for \(String(describing: found)), it was acknowledged with \(use.span)"
        }
        // Keys past the horizon may be held until somebody looks; of those there are as many as were used.
        return (youngCount...keyUseCount).contains(memory.count)
            ? nil
            : "\(memory.count) keys are remembered, \(youngCount) of \(keyUseCount) acknowledged ones are young"
    }

    /// How `contents` differs, in a sentence; nil where it does not.
    package func difference(_ contents: LogContents) -> String? {
        if let contradiction = contents.contradictions.first { return contradiction }
        for key in Set(records.keys).union(contents.records.keys).sorted() {
            let expected = records[key] ?? []
            let found = contents.records[key] ?? []
            if expected.count != found.count {
                return "\(key) holds \(found.count) records, \(expected.count) were acknowledged"
            }
            for index in expected.indices where expected[index] != found[index] {
                return "\(key) \(index) is \(found[index]), \(expected[index]) was acknowledged"
            }
        }
        if events != contents.events { return "events are \(contents.events), acknowledged were \(events)" }
        return nil
    }
}

extension SeededGenerator {
    /// True so many times in so many, as the seed has it.
    package mutating func chance(_ numerator: Int, in denominator: Int) -> Bool {
        Int.random(in: 0..<denominator, using: &self) < numerator
    }

    /// When histories begin, in milliseconds since 1970 UTC.
    package static let historyTime: Int64 = 1_700_000_000_000

    /// A commit of one to four parts, mostly single records.
    ///
    /// - Parameter keyInterval: milliseconds from commit to commit on the clock of keys. Where they add up
    ///   to more than the horizon, keys come again.
    package mutating func parts(at number: Int, keyInterval: Int64 = 20) -> [Part] {
        let partCount = chance(1, in: 2) ? 1 : Int.random(in: 2...4, using: &self)
        return (0..<partCount).map { position in
            let topic = chance(3, in: 4) ? "fraud" : "churn"
            let partition = chance(3, in: 4) ? "engine" : "edge-1"
            let time = SeededGenerator.historyTime + Int64(number) * 20
            var part = part(at: number, position, topic, partition, time)
            if part.key != nil, chance(1, in: 3) {
                let name = keyInterval > 20 ? number % 9 : number
                part.requestKey = RequestKey(
                    topic: topic, text: "key-\(topic)-\(name).\(position)", request: Fingerprint("\(name)"),
                    time: SeededGenerator.historyTime + Int64(number) * keyInterval)
            }
            return part
        }
    }

    private mutating func part(
        at number: Int, _ position: Int, _ topic: String, _ partition: String, _ time: Int64
    ) -> Part {
        switch Int.random(in: 0..<10, using: &self) {
        case 0:
            let text = String(repeating: "x", count: chance(1, in: 3) ? 900 : 3)
            return Part(
                Event(
                    name: "assay.defined",
                    document: Array("{\"id\":\(number).\(position),\"t\":\"\(text)\"}".utf8)))
        case 1...2:
            let count = Int.random(in: 3...12, using: &self)
            return Part(
                records(count: count, near: time), topic: topic, partition: partition, isSmall: false)
        default:
            let count = chance(3, in: 4) ? 1 : Int.random(in: 2...4, using: &self)
            return Part(
                records(count: count, near: time), topic: topic, partition: partition, isSmall: true)
        }
    }

    /// Mostly commits, and everything else that changes a log's files or copies them.
    package mutating func history(stepCount: Int, keyInterval: Int64 = 20) -> [Step] {
        (0..<stepCount).flatMap { number -> [Step] in
            switch Int.random(in: 0..<24, using: &self) {
            case 0: return [.close]
            case 1: return [.kill]
            case 2: return [.letGo(UInt64.random(in: 0...999, using: &self))]
            case 3: return [.compact(regroups: true)]
            case 4: return [.compact(regroups: false)]
            case 5:
                let topic = chance(1, in: 2) ? "fraud" : "churn"
                if chance(1, in: 3) { return [.delete(topic: topic)] }
                return [.redact(topic: topic, field: chance(1, in: 2) ? "in.tensor" : "out.score")]
            case 6:
                let snapshot = Step.snapshot(parts(at: number, keyInterval: keyInterval))
                return chance(1, in: 2) ? [snapshot, .restore] : [snapshot]
            case 7:
                let byteCount = Int.random(in: 1...600, using: &self)
                return [.model((0..<byteCount).map { _ in UInt8.random(in: 0...255, using: &self) })]
            default: return [.commit(parts(at: number, keyInterval: keyInterval))]
            }
        }
    }
}
