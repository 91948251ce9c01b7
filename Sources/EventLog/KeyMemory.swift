// Which idempotency keys were used, and which are just being used: so that a request and its
// retries are stored once, whoever of them comes when.
//
//     first     claim ─► encode ─► queue ─► commit ─► remember ─► release ─► answer
//     twin      claim ···································· waits ···········► the same answer
//     twin, where the first failed                                         ─► claim ─► …
//
// Invariants:
//  * A key is remembered exactly when the commit that holds it is durable, until it expires or its records
//    are deleted: then the request may be stored anew.
//  * Of the requests with one key one is under way at a time.
//  * Another request under a key that is remembered or under way is refused, and changes nothing.

import Bytes
import Segments
import Synchronization

/// A request's idempotency key, and what the request is.
package struct RequestKey: Hashable, Sendable {
    package var topic: String
    /// As the client sent it: 1 to 255 bytes.
    package var text: String
    /// Of the request's target and body.
    package var request: Fingerprint
    /// Now, in milliseconds since 1970.
    package var time: Int64

    package init(topic: String, text: String, request: Fingerprint, time: Int64) {
        self.topic = topic
        self.text = text
        self.request = request
        self.time = time
    }

    package static let textByteCountMax = KeyEntry.keyByteCountMax

    /// - Parameters:
    ///   - target: what is asked for, in any form that differs where two requests do.
    ///   - body: what is sent.
    package init(topic: String, text: String, target: String, body: UnsafeRawBufferPointer, time: Int64) {
        let contents = Fingerprint(body)
        self.init(
            topic: topic, text: text,
            request: Fingerprint("\(target)\n\(contents.first) \(contents.second)"), time: time)
    }
}

/// What became of a request with a key.
package enum Once<Value: Sendable>: Sendable {
    /// It was carried out.
    case done(Value)
    /// It had been before: these are its records.
    case before(AppendedSpan)
}

/// The keys of a log, for any thread. All of it is in memory: an opening reads them anew.
package final class KeyMemory: Sendable {
    private struct Identity: Hashable {
        var topic: String
        var key: Fingerprint

        init(_ key: RequestKey) {
            topic = key.topic
            self.key = Fingerprint(key.text)
        }
    }

    private struct UnderWay {
        var request: Fingerprint
        var waiting: [CheckedContinuation<Claim, Never>] = []
    }

    private struct State {
        var topics: [String: KeyTable] = [:]
        var underWay: [Identity: UnderWay] = [:]
        /// When all topics were last looked through for what expired.
        var sweptAt = Int64.min
    }

    enum Claim {
        /// The caller is the first, or the only one left; it releases the key.
        case isFirst
        case wasDone(AppendedSpan)
        /// It stands for another request; nil for one that is under way.
        case isAnother(AppendedSpan?)
        /// The one that was waited for has ended: ask again.
        case ended
    }

    private let state = Mutex(State())
    private let configuration: LogConfiguration
    /// Between looks at topics that get no keys any more.
    private static let sweepMilliseconds: Int64 = 60_000

    init(_ configuration: LogConfiguration) { self.configuration = configuration }

    /// Keys that are remembered now.
    package var count: Int { state.withLock { $0.topics.values.reduce(0) { $0 + $1.count } } }

    /// The records that a key stands for at a time; nil where it is not remembered.
    package func span(topic: String, key: String, at now: Int64) -> AppendedSpan? {
        state.withLock { state in
            guard let table = state.topics[topic], let entry = table.find(Fingerprint(key), at: now) else {
                return nil
            }
            return table.span(entry, topic: topic)
        }
    }

    /// Carries `body` out unless a request with its key was; waits for one that is under way.
    ///
    /// - Throws: `LogError.keyReused` where the key stands for another request; what `body` throws,
    ///   after which the key is free again.
    func once<Value>(_ key: RequestKey, _ body: () async throws -> Value) async throws -> Once<Value> {
        while true {
            switch await claim(key) {
            case .isFirst:
                defer { release(key) }
                return .done(try await body())
            case .wasDone(let span): return .before(span)
            case .isAnother(let span): throw LogError.keyReused(key.text, span: span)
            case .ended: continue
            }
        }
    }

    private func claim(_ key: RequestKey) async -> Claim {
        await withCheckedContinuation { continuation in
            let claim: Claim? = state.withLock { state in
                if let table = state.topics[key.topic],
                    let entry = table.find(Fingerprint(key.text), at: key.time)
                {
                    let span = table.span(entry, topic: key.topic)
                    return entry.request == key.request ? .wasDone(span) : .isAnother(span)
                }
                let identity = Identity(key)
                guard let underWay = state.underWay[identity] else {
                    state.underWay[identity] = UnderWay(request: key.request)
                    return .isFirst
                }
                guard underWay.request == key.request else { return .isAnother(nil) }
                state.underWay[identity]?.waiting.append(continuation)
                return nil
            }
            if let claim { continuation.resume(returning: claim) }
        }
    }

    private func release(_ key: RequestKey) {
        let waiting = state.withLock { $0.underWay.removeValue(forKey: Identity(key))?.waiting ?? [] }
        for continuation in waiting { continuation.resume(returning: .ended) }
    }

    /// Forgets the keys of records that are deleted, when that is durable.
    func forget(_ tombstone: Tombstone) {
        guard tombstone.reason == .deletion else { return }
        state.withLock { state in
            state.topics[tombstone.topic]?.removeAll { partition, indexes in
                tombstone.ranges(of: partition)?.contains(indexes) ?? false
            }
            if state.topics[tombstone.topic]?.count == 0 { state.topics[tombstone.topic] = nil }
        }
    }

    /// Takes in keys whose commit is durable, in the order of commits.
    func remember(_ keys: [KeyEntry]) {
        guard let last = keys.last else { return }
        let table = KeyTable(
            countMax: configuration.keyCountMax, horizonMilliseconds: configuration.keyHorizonMilliseconds)
        let latest = configuration.clock?() ?? .max
        state.withLock { state in
            for key in keys {
                state.topics[key.topic, default: table].insert(key)
                state.topics[key.topic]?.expire(at: min(key.time, latest))
            }
            let now = min(last.time, latest)
            guard now >= state.sweptAt &+ KeyMemory.sweepMilliseconds || now < state.sweptAt else { return }
            state.sweptAt = now
            for topic in state.topics.keys {
                state.topics[topic]?.expire(at: now)
                if state.topics[topic]?.count == 0 { state.topics[topic] = nil }
            }
        }
    }
}
