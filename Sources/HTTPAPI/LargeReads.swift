// Reads a connection in large pieces where it sends much at once.
//
// Each piece of a body is handed from the network's thread to the request's, which costs a wake-up each way. A
// body of a thousand records is eleven pieces of 64 KiB, which is as large as they grow by themselves.
//
// Invariant: pieces grow only while what is read fills them, so a connection that sends little holds little.

import NIOCore

/// Sets how much a connection reads at once, when it joins its pipeline.
final class LargeReadsHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    /// The largest piece, in bytes.
    private static let pieceByteCountMax = 256 << 10

    func handlerAdded(context: ChannelHandlerContext) {
        // It fails only where the connection has ended, and then nothing is read.
        _ = context.channel.setOption(
            .recvAllocator,
            value: AdaptiveRecvByteBufferAllocator(
                minimum: 64, initial: 2048, maximum: Self.pieceByteCountMax))
    }
}
