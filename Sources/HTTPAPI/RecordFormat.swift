// The formats that records travel in over HTTP: JSON rows, one a line or in a list, and Arrow IPC.
//
//     Content-Type                              what a body is
//     application/json; format=pandas-records   one list of row objects; also where nothing is said
//     application/x-ndjson                      one row object a line
//     application/vnd.apache.arrow.file         Arrow IPC with a footer
//     application/vnd.apache.arrow.stream       Arrow IPC without
//
// Invariants:
//  * A body is taken whole or refused whole, by row or field; a refusal names the formats that there are.
//  * The same rows make the same records in every format, but for the types that only Arrow has.
//  * What `Accept` names first of what there is, is what is answered; where it names nothing, JSON.

import Bytes
import HTTPTypes
import Hummingbird
import NIOCore
import Records
import Wire

enum RecordFormat: Hashable {
    case json(RecordText)
    case arrow(ArrowWriter.Format)

    private static let arrowFile = "application/vnd.apache.arrow.file"
    private static let arrowStream = "application/vnd.apache.arrow.stream"

    /// The format of a request's body; nil for another media type.
    init?(mediaType: String) {
        switch mediaType {
        case "application/json", "": self = .json(.array)
        case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/json-lines":
            self = .json(.lines)
        case Self.arrowFile: self = .arrow(.file)
        case Self.arrowStream: self = .arrow(.stream)
        default: return nil
        }
    }

    /// What an answer in this format says that it is.
    var contentType: String {
        switch self {
        case .json(.array): recordsContentType
        case .json(.lines): "application/x-ndjson"
        case .arrow(.file): Self.arrowFile
        case .arrow(.stream): Self.arrowStream
        }
    }

    /// The records of a body. Numbers of JSON that are declared float32 are made that; Arrow says its types.
    func parse(_ body: ByteBuffer, float32Fields: Set<ExactText> = []) throws -> ParsedRecords {
        try body.withUnsafeReadableBytes { bytes in
            switch self {
            case .json(let text): try RecordParser.parse(bytes, as: text, float32Fields: float32Fields)
            case .arrow: try ArrowReader.read(bytes)
            }
        }
    }
}

extension Request {
    /// The format of the records in the body.
    func recordFormat() throws -> RecordFormat {
        guard let format = RecordFormat(mediaType: mediaType) else {
            throw RequestRefusal(
                .unsupportedMediaType,
                "records come as application/json; format=pandas-records, application/x-ndjson, "
                    + "application/vnd.apache.arrow.file or application/vnd.apache.arrow.stream, "
                    + "not \(mediaType)")
        }
        return format
    }

    /// The media types that `Accept` names, those of the greatest weight first, without those that it refuses
    /// (RFC 9110, 12.4.2). A weight that is no number is that of one that is left out.
    var acceptedMediaTypes: [String] {
        let kinds = headers[values: .accept].joined(separator: ",").split(separator: ",").map { kind in
            let parts = kind.split(separator: ";", omittingEmptySubsequences: false).map {
                $0.filter { $0 != " " && $0 != "\t" }.lowercased()
            }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) }
            return (name: parts[0], weight: weight ?? 1)
        }
        return kinds.enumerated().filter { $0.element.weight > 0 }.sorted {
            ($1.element.weight, $0.offset) < ($0.element.weight, $1.offset)
        }.map(\.element.name)
    }

    /// The format that the answer's records are to have: `preferred` where any will do.
    func answerFormat(preferred: RecordFormat = .json(.array)) throws -> RecordFormat {
        let accepted = headers[values: .accept].joined(separator: ",")
        guard !accepted.isEmpty else { return preferred }
        for mediaType in acceptedMediaTypes {
            switch mediaType {
            case "*/*", "application/*": return preferred
            case "application/json": return .json(.array)
            default:
                if let format = RecordFormat(mediaType: mediaType), case .arrow = format { return format }
            }
        }
        throw RequestRefusal(
            .badRequest,
            "records are answered as application/json; format=pandas-records, "
                + "application/vnd.apache.arrow.file or application/vnd.apache.arrow.stream, not \(accepted)")
    }
}
