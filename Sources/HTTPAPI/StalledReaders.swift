// Bounds what clients hold that are sent a lot and take it slowly or not at all: what waits to be sent, the records
// behind it, and the files that they are read from, which a deletion may have taken off the directory.
//
// Invariants:
//  * A connection whose client takes less than what waits for it in the time that one may be silent is ended. One
//    that takes a few kilobytes a second is not.
//  * At most `countMax` answers of lines are under way at once; another is refused before it begins.

import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

/// Stands in a connection's pipeline, and ends it where what is sent is not taken.
final class StalledReaderHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let timeout: TimeAmount
    /// Set while more waits than the channel's mark.
    private var end: Scheduled<Void>?

    init(timeout: TimeAmount) { self.timeout = timeout }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        end?.cancel()
        end = nil
        let channel = context.channel
        if !channel.isWritable {
            end = context.eventLoop.scheduleTask(in: timeout) { channel.close(promise: nil) }
        }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end?.cancel()
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
