// Group commit: appends wait in a bounded queue while the one before them syncs, and share the
// next envelope and its sync.
//
//     clients        queue                 writer's thread
//     append ──────► [a]
//     append ──────► [a b]  ─── take ────► write(a b) sync ──► a and b return
//     append ──────► [c]                     │ meanwhile
//     append ──────► [c d]  ─── take ────► write(c d) sync ──► …
//
// Invariants:
//  * An append returns after its envelope's sync did, or throws and nothing of it is kept.
//  * At most `queueByteCountMax` bytes wait; an append past that is refused at once.
//  * No file call runs on the caller's thread.

import Dispatch
import Segments
import Synchronization

final class AppendQueue: Sendable {
    private struct Waiting {
        var items: [AppendItem]
        var byteCount: Int
        var resume: @Sendable (Result<CommitReceipt, LogError>) -> Void
    }

    private struct State {
        var waiting: [Waiting] = []
        var byteCount = 0
        var isDraining = false
        var isClosed = false
        /// Called once, when the queue is closed and drained.
        var finish: (@Sendable (Result<Void, LogError>) -> Void)?
    }

    /// The writer is used by the drain alone, and one drain runs at a time.
    private struct WriterBox: @unchecked Sendable { let writer: LogWriter }

    private let state = Mutex(State())
    private let box: WriterBox
    private let configuration: LogConfiguration
    private let thread = DispatchQueue(label: "assaylog.log-writer", qos: .userInitiated)

    init(writer: LogWriter, configuration: LogConfiguration) {
        box = WriterBox(writer: writer)
        self.configuration = configuration
    }

    /// Requests that wait for the writer.
    var waitingCount: Int { state.withLock { $0.waiting.count } }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    func append(_ items: [AppendItem]) async throws(LogError) -> CommitReceipt {
        let byteCount = items.reduce(0) { $0 + $1.byteCount }
        let result: Result<CommitReceipt, LogError> = await withCheckedContinuation { continuation in
            enqueue(items, byteCount) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Refuses further appends, writes what waits, and seals the log.
    func close() async throws(LogError) {
        let result: Result<Void, LogError> = await withCheckedContinuation { continuation in
            let mustStart = state.withLock { state in
                precondition(!state.isClosed, "A log is closed once.")
                state.isClosed = true
                state.finish = { continuation.resume(returning: $0) }
                defer { state.isDraining = true }
                return !state.isDraining
            }
            if mustStart { thread.async { self.drain() } }
        }
        try result.get()
    }

    private func enqueue(
        _ items: [AppendItem], _ byteCount: Int,
        _ resume: @escaping @Sendable (Result<CommitReceipt, LogError>) -> Void
    ) {
        enum Outcome {
            case waits
            case starts
            case refused(LogError)
        }
        let outcome: Outcome = state.withLock { state in
            if state.isClosed { return .refused(.closed) }
            // One request may be larger than the bound when nothing else waits; it was bounded before.
            if state.byteCount > 0 && state.byteCount + byteCount > configuration.queueByteCountMax {
                return .refused(
                    .busy(waitingByteCount: state.byteCount, limit: configuration.queueByteCountMax))
            }
            state.waiting.append(Waiting(items: items, byteCount: byteCount, resume: resume))
            state.byteCount += byteCount
            if state.isDraining { return .waits }
            state.isDraining = true
            return .starts
        }
        switch outcome {
        case .waits: break
        case .starts: thread.async { self.drain() }
        case .refused(let error): resume(.failure(error))
        }
    }

    private func drain() {
        while true {
            let (group, finish) = state.withLock { state in
                var group: [Waiting] = []
                var byteCount = 0
                for waiting in state.waiting {
                    if !group.isEmpty && byteCount + waiting.byteCount > configuration.envelopeByteCountTarget {
                        break
                    }
                    group.append(waiting)
                    byteCount += waiting.byteCount
                }
                state.waiting.removeFirst(group.count)
                state.byteCount -= byteCount
                guard group.isEmpty else { return (group, nil as (@Sendable (Result<Void, LogError>) -> Void)?) }
                state.isDraining = false
                defer { state.finish = nil }
                return ([], state.finish)
            }
            if group.isEmpty {
                finish?(Result { () throws(LogError) in try box.writer.sealActive() })
                return
            }
            commit(group)
        }
    }

    private func commit(_ group: [Waiting]) {
        let result = Result { () throws(LogError) in try box.writer.commit(group.flatMap(\.items)) }
        guard case .success(let receipt) = result else {
            for waiting in group { waiting.resume(result) }
            return
        }
        // Spans stand in the order of items; each request gets its own.
        var spans = receipt.spans[...]
        for waiting in group {
            let count = waiting.items.count { if case .event = $0 { false } else { true } }
            let own = CommitReceipt(commit: receipt.commit, spans: Array(spans.prefix(count)))
            spans = spans.dropFirst(count)
            waiting.resume(.success(own))
        }
    }
}
