// Ends connections over which nothing comes and nothing is taken: a body that never comes holds its share of all
// bodies' memory, and an answer that nobody takes holds its own, the records behind it, and the files that they are
// read from, which a deletion may have taken off the directory.
//
//     a request is awaited, or being read      ended where nothing was read for so long
//     it was read, and is being answered       waited for
//     something waits to be sent               ended where under a kilobyte a second of it was taken for so long
//
// Invariants:
//  * A client that takes what it is sent is not ended however long that takes: it counts what was taken, and not
//    what was handed over, which is all of a long answer at once. What the system holds of it counts as taken, so
//    it may hold little: it would take megabytes at once, and nothing then until a third of them were gone.
//  * Whoever is ended was silent for `timeout` at least, and for twice as long at most.

import Glibc
import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Stands in a connection's pipeline, between HTTP and the requests' own work.
final class SilentClientHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let timeout: TimeAmount
    private var look: Scheduled<Void>?

    /// Requests of which the answer was not handed over whole.
    private var openCount = 0
    private var isBeingRead = false
    /// Bytes of bodies that were handed over.
    private var handedByteCount = 0

    /// Since the last look.
    private var hasRead = false
    /// At the last look.
    private var waitingByteCount = 0
    private var takenByteCount = 0

    private static let bytesPerSecond = 1024
    /// What the system holds of an answer beyond what is under way.
    private static let unsentByteCountMax = 128 << 10

    init(timeout: TimeAmount) { self.timeout = timeout }

    func handlerAdded(context: ChannelHandlerContext) {
        // It fails only where the connection has ended.
        _ = context.channel.setOption(
            .tcpOption(NIOBSDSocket.Option(rawValue: TCP_NOTSENT_LOWAT)), value: Self.unsentByteCountMax)
        if context.channel.isActive { lookLater(context.channel) }
    }

    func channelActive(context: ChannelHandlerContext) {
        lookLater(context.channel)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        look?.cancel()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { look?.cancel() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        hasRead = true
        switch unwrapInboundIn(data) {
        case .head:
            openCount += 1
            isBeingRead = true
        case .body: break
        case .end: isBeingRead = false
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head: break
        case .body(let bytes): handedByteCount += bytes.readableBytes
        case .end: openCount -= 1
        }
        context.write(data, promise: promise)
    }

    private func lookLater(_ channel: any Channel) {
        look?.cancel()
        look = channel.eventLoop.assumeIsolated().scheduleTask(in: timeout) { [self] in
            guard let waiting = try? channel.syncOptions?.getOption(.bufferedWritableBytes) else {
                preconditionFailure("A connection knows what waits to be sent over it.")
            }
            let isSilent = isSilent(waiting)
            (hasRead, waitingByteCount, takenByteCount) = (false, waiting, handedByteCount - waiting)
            if isSilent { channel.close(promise: nil) } else { lookLater(channel) }
        }
    }

    /// Whether nothing came of the client since the last look.
    private func isSilent(_ waiting: Int) -> Bool {
        if hasRead { return false }
        guard waiting > 0 else { return openCount == 0 || isBeingRead }
        let least = Int(timeout.nanoseconds / 1_000_000) * Self.bytesPerSecond / 1000
        return waitingByteCount > 0 && handedByteCount - waiting - takenByteCount < least
    }
}
