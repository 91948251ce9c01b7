// Bounds what clients hold that are sent a lot and take it slowly or not at all: what waits to be sent, the records
// behind it, and the files that they are read from, which a deletion may have taken off the directory.
//
// Invariants:
//  * A connection whose client takes under a kilobyte a second of what waits for it, for as long as one may be
//    silent, is ended. A slower network than most, and an answer of any length, are no reason.
//  * At most `countMax` answers of lines are under way at once; another is refused before it begins.

import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

/// Stands in a connection's pipeline, and ends it where what is sent is not taken.
final class StalledReaderHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let timeout: TimeAmount
    /// The next look; set while more waits than the channel's mark.
    private var look: Scheduled<Void>?

    private static let bytesPerSecond = 1024

    init(timeout: TimeAmount) { self.timeout = timeout }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        look?.cancel()
        look = nil
        if !context.channel.isWritable { lookAgain(context.channel) }
        context.fireChannelWritabilityChanged()
    }

    /// Looks, once the time is over, at how much of what waits now was taken.
    private func lookAgain(_ channel: any Channel) {
        let before = waitingByteCount(channel)
        look = channel.eventLoop.assumeIsolated().scheduleTask(in: timeout) { [self] in
            let least = Int(timeout.nanoseconds / 1_000_000) * Self.bytesPerSecond / 1000
            if before - waitingByteCount(channel) < least {
                channel.close(promise: nil)
            } else {
                lookAgain(channel)
            }
        }
    }

    private func waitingByteCount(_ channel: any Channel) -> Int {
        guard let count = try? channel.syncOptions?.getOption(.bufferedWritableBytes) else {
            preconditionFailure("A connection knows what waits to be sent over it.")
        }
        return count
    }

    func channelInactive(context: ChannelHandlerContext) {
        look?.cancel()
        context.fireChannelInactive()
    }
}

/// How many answers of lines may be under way: each holds a page of records, about three megabytes.
final class LineReaders: Sendable {
    private let countMax: Int
    private let count = Mutex(0)

    init(countMax: Int = 32) { self.countMax = countMax }

    /// One answer's place, until nobody holds it.
    final class Place: Sendable {
        private let readers: LineReaders

        fileprivate init(_ readers: LineReaders) { self.readers = readers }

        deinit { readers.count.withLock { $0 -= 1 } }
    }

    /// - Throws: 429 where all places are taken.
    func enter() throws -> Place {
        let isTaken = count.withLock { count in
            guard count < countMax else { return false }
            count += 1
            return true
        }
        guard isTaken else {
            var refusal = RequestRefusal(
                .tooManyRequests,
                "\(countMax) answers of lines are being read; try again when one has ended, or ask for pages")
            refusal.headers[.retryAfter] = "1"
            throw refusal
        }
        return Place(self)
    }
}
