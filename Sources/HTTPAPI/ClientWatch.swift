// Knows when the client of a connection has gone, so that nobody works on an answer that nobody reads.
//
// A client has gone when its side of the connection is closed: a request's work goes on only as long as there is
// somebody to tell. One that closed its side alone, and still reads, looks the same as one that left: its questions
// end. Commands do not: appends are done whole, and a creation ends only where it reads records for a baseline
// before anything is created. Once it is there its answer names it; what it has to look at is said where that was
// found in time.
//
// Invariants:
//  * A call asked for after the client has gone is made at once; every call is made at most once.
//  * A connection that ended is forgotten.

import Hummingbird
import NIOCore
import Synchronization

/// What is known of one connection's client.
final class ClientWatch: Sendable {
    private struct State {
        var isGone = false
        var nextNumber = 0
        var calls: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Mutex(State())

    /// The watches of all open connections: a request's context knows its channel and nothing else.
    private static let watches = Mutex<[ObjectIdentifier: ClientWatch]>([:])

    /// Nil for a channel without a watch, as the tests' own.
    static func of(_ channel: any Channel) -> ClientWatch? {
        watches.withLock { $0[ObjectIdentifier(channel)] }
    }

    var isGone: Bool { state.withLock { $0.isGone } }

    /// Makes a call when the client goes.
    /// - Returns: the call's number, for `forget`.
    func whenGone(_ call: @escaping @Sendable () -> Void) -> Int {
        let (number, isGone) = state.withLock { state in
            state.nextNumber += 1
            if !state.isGone { state.calls[state.nextNumber] = call }
            return (state.nextNumber, state.isGone)
        }
        if isGone { call() }
        return number
    }

    func forget(_ number: Int) { state.withLock { $0.calls[number] = nil } }

    fileprivate func begin(_ channel: any Channel) {
        ClientWatch.watches.withLock { $0[ObjectIdentifier(channel)] = self }
    }

    fileprivate func end(_ channel: any Channel) {
        ClientWatch.watches.withLock { $0[ObjectIdentifier(channel)] = nil }
        go()
    }

    func go() {
        let calls = state.withLock { state in
            state.isGone = true
            defer { state.calls = [:] }
            return Array(state.calls.values)
        }
        for call in calls { call() }
    }
}

/// Stands in a connection's pipeline and sees it end.
final class ClientWatchHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let watch = ClientWatch()

    func handlerAdded(context: ChannelHandlerContext) { watch.begin(context.channel) }

    func handlerRemoved(context: ChannelHandlerContext) { watch.end(context.channel) }

    func channelInactive(context: ChannelHandlerContext) {
        watch.end(context.channel)
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent { watch.go() }
        context.fireUserInboundEventTriggered(event)
    }
}

/// What a handler knows of its request besides the request.
struct APIContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    private let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }

    /// Whoever waits for the answer; nil where no connection is watched.
    var client: ClientWatch? { ClientWatch.of(channel) }

    /// Does work that is cancelled when the client goes.
    ///
    /// - Parameter threads: where it is done, from its first step on; nil for the language's own. The task that
    ///   ends with its client is not the request's child, and prefers nothing by itself.
    func whileClientWaits<Value: Sendable>(
        on threads: LongWork? = nil, _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let task = Task(executorPreference: threads) { try await work() }
        let client = client
        let number = client?.whenGone { task.cancel() }
        defer { if let number { client?.forget(number) } }
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }

    /// Does work that is brief at once, and other work on threads for such as long as the client waits for it: to
    /// hand work over and be woken when it is done costs more than what is brief.
    func compute<Value: Sendable>(
        atOnce isBrief: Bool = false, _ work: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        isBrief ? try work() : try await whileClientWaits(on: .requests) { try work() }
    }
}
