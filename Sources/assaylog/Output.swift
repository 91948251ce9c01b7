// What a command says: answers on standard output, everything about them on standard error.
//
// Invariants:
//  * Standard output holds the answer and nothing else, so that it can be piped.
//  * An answer that could not be written, or that is without something it should hold, is no
//    success: the process ends with 1.

import ArgumentParser
import Glibc
import JSON

/// The forms in which answers are printed.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
    case table
    case json
    case csv
}

/// Why a command failed, where no room below has a word for it: what, where, and what to do next.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String
    /// The status of the server's answer that is the reason; nil where that is none.
    let status: Int?
    /// What to do where it is the server's failure and not of what was sent, as "start the server".
    let serverRemedy: String?
    /// The member of the request that the server refuses; nil where it refuses none by name.
    let field: FieldError?

    init(
        _ description: String, status: Int? = nil, serverRemedy: String? = nil, field: FieldError? = nil
    ) {
        self.description = description
        self.status = status
        self.field = field
        self.serverRemedy = serverRemedy
    }
}

enum Output {
    /// Past this many bytes a growing answer is written out: few calls, little memory.
    static let flushByteCount = 1 << 18

    /// Writes all of `bytes` to standard output.
    ///
    /// Where nobody reads any more (`| head`) the system ends the process, quietly.
    static func write(_ bytes: [UInt8]) throws {
        try write(bytes, to: STDOUT_FILENO, named: "standard output")
    }

    static func write(_ bytes: [UInt8], to descriptor: Int32, named name: String) throws {
        try bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let count = Glibc.write(
                    descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count < 0 {
                    let code = errno
                    if code == EINTR { continue }
                    throw CommandFailure(
                        "the answer cannot be written to \(name): \(String(cString: strerror(code)))")
                }
                rest = rest.dropFirst(count)
            }
        }
    }

    /// Writes a line to standard output.
    static func line(_ text: String) throws { try write(Array((text + "\n").utf8)) }

    /// Writes a value as one line of JSON to standard output.
    static func line(_ json: JSONValue) throws {
        var bytes: [UInt8] = []
        json.write(into: &bytes)
        bytes.append(0x0A)
        try write(bytes)
    }

    /// Says something about the answer on standard error.
    static func note(_ text: String) {
        // Nothing can be done, or said, where standard error is closed.
        try? write(Array((text + "\n").utf8), to: STDERR_FILENO, named: "standard error")
    }

    /// Names what an answer is without; ends the command with 1 where that is anything.
    static func warn(_ problems: [String]) throws {
        for problem in problems { note("warning: \(problem)") }
        if !problems.isEmpty { throw ExitCode.failure }
    }
}

extension JSONValue {
    /// Texts as a list.
    static func strings(_ texts: some Sequence<String>) -> JSONValue { .array(texts.map { .string($0) }) }
}

/// Numbers as people read them.
enum Quantity {
    /// As `12,345`.
    static func count(_ value: some BinaryInteger) -> String {
        var digits = Array(String(value.magnitude).utf8)
        var place = digits.count - 3
        while place > 0 {
            digits.insert(UInt8(ascii: ","), at: place)
            place -= 3
        }
        return (value < 0 ? "-" : "") + String(decoding: digits, as: UTF8.self)
    }

    /// As `1 commit` or `12,345 commits`.
    static func of(_ value: some BinaryInteger, _ noun: String) -> String {
        "\(count(value)) \(noun)" + (value == 1 ? "" : "s")
    }

    /// As `1.5 MB`, in powers of a thousand.
    static func bytes(_ value: Int) -> String {
        var amount = Double(value)
        for unit in ["B", "kB", "MB", "GB"] {
            if amount < 999.5 {
                return unit == "B" ? "\(value) B" : "\(decimal(amount, digitCount: 1)) \(unit)"
            }
            amount /= 1000
        }
        return "\(decimal(amount, digitCount: 1)) TB"
    }

    /// With so many digits after the point, which is what a glance wants; never for exact answers.
    static func decimal(_ value: Double, digitCount: Int) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
        let power = (0..<digitCount).reduce(1.0) { power, _ in power * 10 }
        let scaled = Int64((abs(value) * power).rounded())
        let whole = scaled / Int64(power)
        let rest = String(scaled % Int64(power))
        let sign = value < 0 && scaled != 0 ? "-" : ""
        if digitCount == 0 { return "\(sign)\(whole)" }
        return "\(sign)\(whole)." + String(repeating: "0", count: digitCount - rest.utf8.count) + rest
    }
}
