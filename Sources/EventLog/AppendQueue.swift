// Group commit: appends wait in a bounded, fair queue while the one before them syncs, and share the
// next envelope and its sync.
//
//     clients        queue                 writer's thread
//     append ──────► [a]
//     append ──────► [a b]  ─── take ────► write(a b) sync ──► a and b return
//     append ──────► [c]                     │ meanwhile
//     append ──────► [c d]  ─── take ────► write(c d) sync ──► …
//
// Invariants:
//  * An append returns after its envelope's sync did, or throws and nothing of it is kept; where the log answers
//    before it syncs, after its envelope is written.
//  * At most `queueByteCountMax` bytes wait, and of one source its share, besides one request of each size
//    (PlacesBeyond.swift); an append past that is refused at once, and counted.
//  * No file call runs on the caller's thread, but where the caller lends it: then one envelope, and what came
//    meanwhile is the writer's thread's.
//  * After a failed commit the writer goes back to its last durable commit by itself, in a new
//    segment; where the disk does not let it, the log says that it is read-only and why, and tries
//    again until it can, whether appends come or not. So it does where a full disk did not let it be opened
//    for writing.

import Dispatch
import Glibc
import Segments
import Synchronization

/// Whether the log takes appends.
package enum LogState: Hashable, Sendable {
    case serving
    /// The disk refuses; reads go on. The reason is a sentence with a remedy.
    case readOnly(LogError)
}

/// On which thread an append is written and synced, where nothing else is being written.
package enum AppendThread: Sendable {
    /// The log's own: the caller's goes on with other tasks meanwhile.
    case writer
    /// The caller's, which may wait for the disk, and for what the log's own was asked for before: neither thread has to
    /// be woken.
    case caller
}

final class AppendQueue: Sendable {
    private struct Waiting {
        var request: AppendRequest
        var resume: @Sendable (Result<CommitReceipt, LogError>) -> Void
    }

    private struct State {
        var waiting: FairQueue<Waiting>
        var isDraining = false
        /// What `perform` was asked for and has not begun.
        var commandCount = 0
        /// When the last request came.
        var lastArrival = ContinuousClock.now
        /// So many requests the writer's thread waits for; nil while it does not wait.
        var wantedCount: Int?
        var isClosed = false
        /// Why the writer has no segment to write to; nil while it serves.
        var refusal: LogError?
        /// Whether a recovery is to be tried by the clock: one, however many appends are refused.
        var isRecoveryPlanned = false
        /// Called once, when the queue is closed and drained.
        var finish: (@Sendable (Result<LogError?, LogError>) -> Void)?
    }

    /// What is used on the writer's queue alone, which does one thing at a time, on whichever thread.
    private final class WriterBox: @unchecked Sendable {
        let writer: LogWriter
        let preparer: RequestPreparer
        var pace = ClientPace()

        init(_ writer: LogWriter, _ memory: ReadingMemory) {
            self.writer = writer
            preparer = RequestPreparer(encoder: BlockEncoder(), memory: memory)
        }
    }

    private let state: Mutex<State>
    private let box: WriterBox
    private let configuration: LogConfiguration
    let reading = ReadingMemory()
    private let meter: LogMeter
    /// Signalled when as many wait as are wanted.
    private let areBack = DispatchSemaphore(value: 0)
    private let thread = DispatchQueue(label: "assaylog.log-writer", qos: .userInitiated)

    /// - Parameter refusal: why the writer has no segment to write to yet; nil where it may write.
    init(writer: LogWriter, refusal: LogError? = nil, configuration: LogConfiguration) {
        box = WriterBox(writer, reading)
        meter = writer.meter
        self.configuration = configuration
        state = Mutex(
            State(
                waiting: FairQueue(byteCountMax: configuration.queueByteCountMax), refusal: refusal,
                isRecoveryPlanned: refusal != nil))
        if refusal != nil { recoverLater() }
    }

    /// Requests that wait for the writer, and their bytes.
    var waiting: (count: Int, byteCount: Int) {
        state.withLock { ($0.waiting.count, $0.waiting.byteCount) }
    }

    /// What `perform` was asked for and has not begun.
    var commandCount: Int { state.withLock { $0.commandCount } }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    var logState: LogState { state.withLock { $0.refusal.map { .readOnly($0) } ?? .serving } }

    func append(
        _ request: AppendRequest, on place: AppendThread
    ) async throws(LogError) -> CommitReceipt {
        let result: Result<CommitReceipt, LogError> = await withCheckedContinuation { continuation in
            enqueue(request, on: place) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Refuses further appends, writes what waits, and seals the log.
    ///
    /// - Returns: why it is not sealed, where nothing could have been numbered all along.
    func close() async throws(LogError) -> LogError? {
        let result: Result<LogError?, LogError> = await withCheckedContinuation { continuation in
            let mustStart = state.withLock { state in
                precondition(!state.isClosed, "A log is closed once.")
                state.isClosed = true
                state.finish = { continuation.resume(returning: $0) }
                defer { state.isDraining = true }
                return !state.isDraining
            }
            if mustStart { thread.async { self.drain() } }
        }
        return try result.get()
    }

    /// Carries `body` out on the writer's thread, between two envelopes, however many appends wait: after the
    /// envelope that is being written. Where it throws, the writer goes back to its last durable commit, as after
    /// an append.
    func perform<Value: Sendable>(
        _ body: @escaping @Sendable (LogWriter) throws(LogError) -> Value
    ) async throws(LogError) -> Value {
        state.withLock { $0.commandCount += 1 }
        let result: Result<Value, LogError> = await withCheckedContinuation { continuation in
            thread.async {
                let isClosed = self.state.withLock { state in
                    state.commandCount -= 1
                    return state.isClosed
                }
                guard !isClosed else { return continuation.resume(returning: .failure(.closed)) }
                let result = Result { () throws(LogError) -> Value in try body(self.box.writer) }
                if case .failure = result { self.recover() } else { self.noteReserve() }
                continuation.resume(returning: result)
            }
        }
        return try result.get()
    }

    /// Gives up the reserve for what frees room.
    ///
    /// - Returns: whether there is any of it to be used.
    func giveUpReserve() async throws(LogError) -> Bool {
        try await perform { writer throws(LogError) in
            writer.reserve.giveUp() || writer.reserve.refusal != nil
        }
    }

    private func enqueue(
        _ request: AppendRequest, on place: AppendThread,
        _ resume: @escaping @Sendable (Result<CommitReceipt, LogError>) -> Void
    ) {
        enum Outcome {
            case waits(isLastWanted: Bool)
            case starts
            case refused(LogError)
        }
        let (source, byteCount) = (request.source, request.byteCount)
        let outcome: Outcome = state.withLock { state in
            if state.isClosed { return .refused(.closed) }
            let waiting = Waiting(request: request, resume: resume)
            if let refusal = state.waiting.add(waiting, byteCount: byteCount, of: source) {
                return .refused(
                    .busy(waitingByteCount: refusal.waitingByteCount, limit: refusal.limit))
            }
            state.lastArrival = .now
            guard !state.isDraining else {
                guard let wanted = state.wantedCount, state.waiting.count >= wanted else {
                    return .waits(isLastWanted: false)
                }
                state.wantedCount = nil
                return .waits(isLastWanted: true)
            }
            state.isDraining = true
            return .starts
        }
        switch outcome {
        case .waits(let isLastWanted): if isLastWanted { areBack.signal() }
        case .starts:
            switch place {
            case .writer: thread.async { self.drain() }
            // On this thread, as long as the writer's own has nothing else to do.
            case .caller: thread.sync { self.drainOnce() }
            }
        case .refused(let error):
            meter.count { $0.countRefusal(source, error.refusalReason) }
            resume(.failure(error))
        }
    }

    /// Writes one envelope, and leaves what came meanwhile to the writer's thread.
    private func drainOnce() {
        commit(state.withLock { $0.waiting.take(upTo: configuration.envelopeByteCountTarget) })
        let isDone = state.withLock { state in
            guard state.waiting.count == 0, !state.isClosed else { return false }
            state.isDraining = false
            return true
        }
        guard isDone else { return thread.async { self.drain() } }
        // Not on this thread: its caller has its answer. Where that was synced, nobody is woken.
        if configuration.answersBeforeSync { thread.async { self.syncAnswered() } }
    }

    private func drain() {
        while true {
            gather()
            let (group, finish) = state.withLock { state in
                let group = state.waiting.take(upTo: configuration.envelopeByteCountTarget)
                guard group.isEmpty else {
                    return (group, nil as (@Sendable (Result<LogError?, LogError>) -> Void)?)
                }
                state.isDraining = false
                defer { state.finish = nil }
                return ([], state.finish)
            }
            if group.isEmpty {
                guard let finish else { return }
                let outcome = Result { () throws(LogError) -> LogError? in try seal() }
                // Before the answer: whoever has it may open the log, while this thread still holds the writer.
                box.writer.end()
                finish(outcome)
                return
            }
            commit(group)
            syncAnswered()
            // The thread does one thing after the other: what waits behind this comes first.
            guard commandCount == 0 else { return thread.async { self.drain() } }
        }
    }

    /// - Returns: why what waits in memory cannot become columns, where that was so before: no failure of this seal.
    private func seal() throws(LogError) -> LogError? {
        let refusal = box.writer.refusal
        do throws(LogError) { try box.writer.sealActive() } catch {
            guard error == refusal else { throw error }
            return refusal
        }
        return nil
    }

    /// Lets clients that were just answered come back before the next envelope is closed, where that pays.
    private func gather() {
        guard let deadline = box.pace.deadline(lastSync: box.writer.lastSync) else { return }
        let left = ContinuousClock.now.duration(to: deadline)
        guard left > .zero else { return }
        let mustWait = state.withLock { state in
            guard state.waiting.count < box.pace.expectedCount, !state.isClosed else { return false }
            state.wantedCount = box.pace.expectedCount
            return true
        }
        guard mustWait else { return }
        if areBack.wait(timeout: .now() + .nanoseconds(Int(left / .nanoseconds(1)))) == .success { return }
        // The last of them may have come just now: then its signal is still to be taken.
        let isSignalled = state.withLock { state in
            defer { state.wantedCount = nil }
            return state.wantedCount == nil
        }
        if isSignalled { areBack.wait() }
    }

    private func commit(_ waiting: [Waiting]) {
        let taken = refusingSpent(sparingReserve(waiting))
        if taken.isEmpty { return }
        let prepared = box.preparer.prepare(taken.map(\.request))
        var group = taken
        if prepared.requests.contains(where: { $0.refusal != nil }) {
            group = []
            for (waiting, request) in zip(taken, prepared.requests) {
                if let refusal = request.refusal {
                    waiting.resume(.failure(.refused(refusal)))
                } else {
                    group.append(waiting)
                }
            }
            if group.isEmpty { return }
        }
        let receipts: [CommitReceipt]
        do throws(LogError) {
            receipts = try box.writer.commit(prepared)
        } catch {
            meter.count { metrics in
                for waiting in group { metrics.countRefusal(waiting.request.source, error.refusalReason) }
            }
            for waiting in group { waiting.resume(.failure(error)) }
            recover()
            return
        }
        let (waitingCount, lastArrival) = state.withLock { state in
            if state.refusal != nil, box.writer.reserve.refusal == nil { state.refusal = nil }
            return (state.waiting.count, state.lastArrival)
        }
        box.pace.note(
            answeredCount: group.count, waitingCount: waitingCount, lastArrival: lastArrival, at: .now)
        for (waiting, receipt) in zip(group, receipts) { waiting.resume(.success(receipt)) }
    }

    /// Makes durable what was answered before its sync. Where that fails nobody is left to be told: what is lost can
    /// be made anew, and the log goes on behind it.
    private func syncAnswered() {
        do throws(LogError) { try box.writer.syncAnswered() } catch { recover() }
    }

    /// Refuses what no index is left for, and returns the others.
    private func refusingSpent(_ group: [Waiting]) -> [Waiting] {
        let refusals = box.writer.refusals(of: group.map(\.request))
        guard refusals.contains(where: { $0 != nil }) else { return group }
        return zip(group, refusals).compactMap { waiting, refusal in
            guard let refusal else { return waiting }
            meter.count { $0.countRefusal(waiting.request.source, refusal.refusalReason) }
            waiting.resume(.failure(refusal))
            return nil
        }
    }

    /// Refuses records while the reserve is given up, and returns the others.
    private func sparingReserve(_ group: [Waiting]) -> [Waiting] {
        guard let refusal = box.writer.reserve.refusal else { return group }
        let (events, records) = (
            group.filter { !$0.request.holdsRecords }, group.filter(\.request.holdsRecords)
        )
        meter.count { metrics in
            for waiting in records { metrics.countRefusal(waiting.request.source, refusal.refusalReason) }
        }
        for waiting in records { waiting.resume(.failure(refusal)) }
        return events
    }

    /// Where the reserve is given up: says so, and tries to have it made again by the clock.
    private func noteReserve() {
        guard let refusal = box.writer.reserve.refusal else { return }
        let isPlanned = state.withLock { state in
            state.refusal = refusal
            defer { state.isRecoveryPlanned = true }
            return state.isRecoveryPlanned
        }
        if !isPlanned { recoverLater() }
    }

    /// After a failure: a new segment at once; where that fails too, again and again.
    private func recover() {
        do throws(LogError) {
            try box.writer.recover()
            state.withLock { $0.refusal = nil }
        } catch {
            let isPlanned = state.withLock { state in
                state.refusal = error
                defer { state.isRecoveryPlanned = true }
                return state.isRecoveryPlanned
            }
            if !isPlanned { recoverLater() }
        }
    }

    /// Holds the queue weakly: a log that nobody has any more is not to be mended.
    private func recoverLater() {
        thread.asyncAfter(deadline: .now() + .milliseconds(configuration.recoveryIntervalMilliseconds)) {
            [weak self] in
            guard let self else { return }
            let isWanted = self.state.withLock { state in
                state.isRecoveryPlanned = false
                return state.refusal != nil && !state.isClosed
            }
            if isWanted { self.recover() }
        }
    }
}
