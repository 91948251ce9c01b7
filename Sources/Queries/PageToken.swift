// Where the next page starts, as a client carries it from one request to the next.
//
// A token is opaque: hexadecimal digits of a version, a checksum, the question's fingerprint, the cut
// and the place.
//
// Invariants:
//  * It names the cut of the first page, so that all pages together are one answer about one cut.
//  * Its place is an address or a key, which appends, rolls and rewrites do not change.
//  * It is about as long however many partitions there are: it travels in a header.
//  * A token of another question is refused, as is one that was changed on its way.

import Bytes
import EventLog
import Records

/// What a token says, once it was read.
package struct PageToken: Hashable, Sendable {
    package enum Place: Hashable, Sendable {
        /// By address.
        case address(AddressPlace)
        /// Behind this record, by time.
        case behind(RecordKey)
    }

    package var cut: CommitNumber
    package var place: Place

    package init(cut: CommitNumber, place: Place) {
        self.cut = cut
        self.place = place
    }

    /// Why a text is not taken for a token.
    package enum Refusal: Error, Hashable, Sendable, CustomStringConvertible {
        case malformed
        /// An earlier version gave it, with a list of all partitions.
        case outdated
        case otherQuestion
        /// The log does not reach so far: the token is of another one.
        case laterCut(CommitNumber)

        package var description: String {
            switch self {
            case .malformed: "is not one that an answer gave, or was cut; send it back as it came"
            case .outdated: "was given by an earlier version of the server; begin again without it"
            case .otherQuestion:
                "was given for another question; send it with the same topic, order, period and filters, or "
                    + "begin again without it"
            case .laterCut(let cut):
                "is of commit \(cut), which this log has not reached: it comes from another store; begin "
                    + "again without it"
            }
        }
    }

    private static let version: UInt8 = 1
    /// More positions than any token of ours names.
    private static let partitionCountMax = 100_000

    // MARK: Text

    /// The token as a client gets it, for the next page of this question alone.
    package func text(for question: Question) -> String {
        var body = ByteWriter()
        body.write(question.fingerprint)
        body.writeVarint(cut)
        switch place {
        case .address(let place):
            body.write(UInt8(2))
            body.write(text: place.partition)
            body.writeVarint(place.positions.count)
            for (partition, index) in place.positions.sorted(by: { $0.key < $1.key }) {
                body.write(text: partition)
                body.writeVarint(index)
            }
        case .behind(let key):
            body.write(UInt8(1))
            body.writeZigzag(key.time)
            body.write(text: key.partition)
            body.writeVarint(key.index)
        }
        var whole = ByteWriter()
        whole.write(PageToken.version)
        whole.write(Checksum.crc32c(body.bytes))
        whole.write(body.bytes)
        return whole.bytes.hexadecimalText
    }

    /// The token that a client sent back. Throws where it is none, is another question's, or is of a commit
    /// that the snapshot has not reached.
    ///
    /// - Parameter snapshot: the log that is to be read on.
    package init(parsing text: String, for question: Question, in snapshot: LogSnapshot) throws(Refusal) {
        guard let bytes = [UInt8](hexadecimal: text) else { throw .malformed }
        let parsed: (token: PageToken?, fingerprint: UInt64)?
        do throws(BytesError) {
            parsed = try bytes.withUnsafeBufferPointer { (buffer) throws(BytesError) in
                try PageToken.parse(UnsafeRawBufferPointer(buffer))
            }
        } catch { throw .malformed }
        guard let parsed else { throw .malformed }
        guard parsed.fingerprint == question.fingerprint else { throw .otherQuestion }
        guard let token = parsed.token else { throw .outdated }
        guard token.cut <= snapshot.cut else { throw .laterCut(token.cut) }
        self = token
    }

    /// Nil where it is none of ours; without a token where it is one that is not given any more.
    private static func parse(
        _ buffer: UnsafeRawBufferPointer
    ) throws(BytesError) -> (token: PageToken?, fingerprint: UInt64)? {
        var cursor = ByteCursor(buffer)
        let version: UInt8 = try cursor.read()
        let checksum: UInt32 = try cursor.read()
        guard version == PageToken.version,
            Checksum.crc32c(UnsafeRawBufferPointer(rebasing: buffer[cursor.offset...])) == checksum
        else { return nil }
        let fingerprint: UInt64 = try cursor.read()
        let cut = try cursor.readVarint()
        let kind: UInt8 = try cursor.read()
        let place: Place
        switch kind {
        case 0: return (nil, fingerprint)
        case 2:
            let partition = try cursor.readText(byteCountMax: RecordLimits.nameByteCountMax)
            var positions: [String: UInt64] = [:]
            for _ in 0..<(try cursor.readCount(limit: PageToken.partitionCountMax)) {
                let name = try cursor.readText(byteCountMax: RecordLimits.nameByteCountMax)
                positions[name] = try cursor.readVarint()
            }
            place = .address(AddressPlace(partition: partition, positions: positions))
        case 1:
            let time = try cursor.readZigzag()
            let partition = try cursor.readText(byteCountMax: RecordLimits.nameByteCountMax)
            place = .behind(RecordKey(time: time, partition: partition, index: try cursor.readVarint()))
        default: return nil
        }
        guard cursor.remaining == 0 else { return nil }
        return (PageToken(cut: cut, place: place), fingerprint)
    }

    // MARK: Question

    /// What all pages of one answer have in common.
    package struct Question: Hashable, Sendable {
        package var topic: String
        package var window: TimeWindow
        package var filter: RecordFilter
        package var newestFirst: Bool

        package init(topic: String, window: TimeWindow, filter: RecordFilter, newestFirst: Bool) {
            self.topic = topic
            self.window = window
            self.filter = filter
            self.newestFirst = newestFirst
        }

        /// The same for the same question in every process.
        fileprivate var fingerprint: UInt64 {
            var writer = ByteWriter()
            writer.write(text: topic)
            writer.writeZigzag(window.start.microseconds)
            writer.writeZigzag(window.end.microseconds)
            writer.write(UInt8(newestFirst ? 1 : 0))
            for text in [filter.modelName, filter.pipelineVersion] {
                writer.write(UInt8(text == nil ? 0 : 1))
                writer.write(text: text ?? "")
            }
            writer.write(UInt8(filter.partitions == nil ? 0 : 1))
            for partition in (filter.partitions ?? []).sorted() { writer.write(text: partition) }
            // No secret is kept, only mistakes are told apart.
            return writer.bytes.withUnsafeBytes { Fingerprint($0).first }
        }
    }
}

extension [UInt8] {
    var hexadecimalText: String { map(\.hexDigits).joined() }

    init?(hexadecimal text: String) {
        func value(_ digit: UInt8) -> UInt8? {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
            default: nil
            }
        }
        let digits = Array(text.utf8)
        guard !digits.isEmpty, digits.count.isMultiple(of: 2) else { return nil }
        self = []
        reserveCapacity(digits.count / 2)
        for place in stride(from: 0, to: digits.count, by: 2) {
            guard let high = value(digits[place]), let low = value(digits[place + 1]) else { return nil }
            append(high << 4 | low)
        }
    }
}
