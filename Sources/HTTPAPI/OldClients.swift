// Answers clients of HTTP/1.0 in their own way: the end of the answer is the end of the connection. The server's library
// takes every request for one of HTTP/1.1, whose connection stays open and whose answers may come in chunks, and a
// client that waits for the end waited until it was cut off for its silence.
//
//     GET … HTTP/1.0 ──►
//                    ◄── HTTP/1.0 200 OK · connection: close · body
//                    ◄── end of the connection
//
// Invariants:
//  * No answer to HTTP/1.0 is in chunks, and the connection ends behind it (RFC 9112, 6.1 and 9.3), also where the
//    client would have it kept: that is for the server to grant, and it would have to know how long the answer is.
//  * Nothing else is changed.

import NIOCore
import NIOHTTP1

/// Stands between the bytes and all that no longer knows the version.
final class OldClientHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private var isOld = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(var head) = unwrapInboundIn(data),
            (head.version.major, head.version.minor) < (1, 1)
        else { return context.fireChannelRead(data) }
        isOld = true
        // As if it had asked for that, which the library carries out.
        head.headers.replaceOrAdd(name: "connection", value: "close")
        // It knows of no answer before the answer.
        head.headers.remove(name: "expect")
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard isOld, case .head(var head) = unwrapOutboundIn(data) else {
            return context.write(data, promise: promise)
        }
        // The encoder puts bodies of unknown length into chunks where the version has them.
        head.version = .http1_0
        head.headers.replaceOrAdd(name: "connection", value: "close")
        context.write(wrapOutboundOut(.head(head)), promise: promise)
    }
}

/// Puts an `OldClientHandler` where the version is still known: the library takes handlers behind that alone.
final class OldClientPlacer: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    func handlerAdded(context: ChannelHandlerContext) {
        let pipeline = context.pipeline.syncOperations
        do {
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            try pipeline.addHandler(OldClientHandler(), position: .after(decoder))
        } catch {
            // Closed by now, then: every connection has the decoder.
            context.close(promise: nil)
        }
    }
}
