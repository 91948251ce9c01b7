// Tells a client that asks before it sends a large body to go on (RFC 9110, 10.1.1). One that is told nothing waits
// a second for nothing: curl does so with every body of more than a megabyte.
//
//     POST … expect: 100-continue ──►
//                                 ◄── 100 Continue
//     body ──►
//                                 ◄── 200 OK
//
// Invariants:
//  * It is said only while nothing else is being answered on the connection, so that it stands before the
//    answer to its own request.
//  * A body that states more bytes than any route takes is not asked for: it is refused by its length.

import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Stands in a connection's pipeline, between HTTP and the requests' own work.
final class ExpectContinueHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// Requests whose answers have not ended.
    private var openCount = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let request) = unwrapInboundIn(data) {
            if openCount == 0, request.asksBeforeItsBody {
                let head = HTTPResponsePart.head(HTTPResponse(status: .continue))
                context.writeAndFlush(wrapOutboundOut(head), promise: nil)
            }
            openCount += 1
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) { openCount -= 1 }
        context.write(data, promise: promise)
    }
}

extension HTTPRequest {
    /// Whether its client waits to hear that its body is wanted, and it may be.
    fileprivate var asksBeforeItsBody: Bool {
        guard let expectation = headerFields.value(of: .expect), expectation.lowercased() == "100-continue"
        else {
            return false
        }
        guard let stated = headerFields.statedByteCount else { return true }
        return stated <= RequestLimits.recordsByteCountMax
            || ModelRoutes.isUpload(String((path ?? "").prefix { $0 != "?" }))
    }
}
