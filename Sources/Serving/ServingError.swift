// What can be wrong between a model file, a request for it, and the library that runs it.
//
// Invariants:
//  * Every case is somebody's to mend: the operator's (`libraryUnavailable`), the uploader's
//    (`invalidModel`, `unsupportedType`), the caller's (the five about inputs), or the model's
//    own while it runs (`runtime`).
//  * A case about a field names the field, and what was expected beside what was found.

/// Why a model was not loaded or not run.
package enum ServingError: Error, Hashable, Sendable {
    /// No usable ONNX Runtime; every place that was tried, in order.
    case libraryUnavailable(tried: [LibraryAttempt])
    /// The file or bytes are not a model which the runtime accepts; `reason` is the runtime's.
    case invalidModel(reason: String)
    /// The model has an input or output of a type that we do not serve, such as "string".
    case unsupportedType(field: String, type: String)
    /// The request names an input that the model does not have.
    case unknownInput(field: String, known: [String])
    /// The request lacks an input that the model needs.
    case missingInput(field: String)
    /// The request names an input twice.
    case duplicateInput(field: String)
    /// An input's values are of another type than the model's.
    case wrongElementType(field: String, expected: TensorElementType, found: TensorElementType)
    /// An input's shape does not fit. In `expected`, -1 stands for any size.
    case wrongShape(field: String, expected: [Int], found: [Int])
    /// The runtime refused or failed for a reason of its own.
    case runtime(reason: String)
}

/// One place where the library was looked for, and why it was not found there.
package struct LibraryAttempt: Hashable, Sendable {
    /// Where it was looked for, and who said so: "/opt/ort (ASSAYLOG_ONNXRUNTIME)".
    package let place: String
    /// The system's or the runtime's words.
    package let reason: String

    package init(place: String, reason: String) {
        self.place = place
        self.reason = reason
    }
}

extension ServingError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .libraryUnavailable(let tried):
            return "ONNX Runtime is not available: \(Self.text(of: tried)). To serve models, run "
                + "`Tools/dev setup`, or set \(ModelRuntime.environmentName) to the path of "
                + "libonnxruntime.so"
        case .invalidModel(let reason):
            return "not a usable ONNX model: \(reason)"
        case .unsupportedType(let field, let type):
            return "\"\(field)\" is of type \(type), which is not served; served are tensors of "
                + TensorElementType.allCases.map(\.rawValue).joined(separator: ", ")
        case .unknownInput(let field, let known):
            let names = known.map { "\"\($0)\"" }.joined(separator: ", ")
            return "the model has no input \"\(field)\"; its inputs are \(names)"
        case .missingInput(let field):
            return "the input \"\(field)\" is missing"
        case .duplicateInput(let field):
            return "the input \"\(field)\" is given twice"
        case .wrongElementType(let field, let expected, let found):
            return
                "the input \"\(field)\" takes \(expected.rawValue), and \(found.rawValue) was found"
        case .wrongShape(let field, let expected, let found):
            return "the input \"\(field)\" takes the shape \(Self.text(of: expected)), and "
                + "\(Self.text(of: found)) was found"
        case .runtime(let reason):
            return "ONNX Runtime: \(reason)"
        }
    }

    private static func text(of tried: [LibraryAttempt]) -> String {
        if tried.isEmpty { return "no place to look for it was given" }
        return "tried " + tried.map { "\($0.place): \($0.reason)" }.joined(separator: "; ")
    }

    private static func text(of shape: [Int]) -> String {
        "[" + shape.map { $0 < 0 ? "any" : String($0) }.joined(separator: ", ") + "]"
    }
}
