// The functions of ONNX Runtime that we call, by their places in its table.
//
// The library exports one function, `OrtGetApiBase`. Its answer hands out a table of function
// pointers for a version of the interface. The table only ever grows at its end, so the places
// below hold for version 1 and every later one, and no header is needed to build us.
//
// Invariants:
//  * Every function that can fail returns a status: nil is success, anything else is owned by the
//    caller and says why. `reason(releasing:)` is the only place that reads one.
//  * All objects are opaque pointers here; `RuntimeObject` is what owns them.
//  * Signatures are those of a 64-bit platform: `size_t` and `int64_t` are `Int` and `Int64`.

/// The called part of the runtime's table of functions.
struct OnnxRuntimeTable: Sendable {
    /// A status, an environment, a session, a value …: whose it is says the function that made it.
    typealias Object = OpaquePointer
    typealias ObjectResult = UnsafeMutablePointer<OpaquePointer?>
    typealias Release = @convention(c) @Sendable (Object) -> Void
    typealias Make = @convention(c) @Sendable (ObjectResult) -> Object?
    typealias Count = @convention(c) @Sendable (Object, UnsafeMutablePointer<Int>) -> Object?
    typealias SetNumber = @convention(c) @Sendable (Object, Int32) -> Object?
    typealias Kind = @convention(c) @Sendable (Object, UnsafeMutablePointer<Int32>) -> Object?
    typealias Inner = @convention(c) @Sendable (Object, ObjectResult) -> Object?
    typealias InnerAt = @convention(c) @Sendable (Object, Int, ObjectResult) -> Object?
    typealias NameResult = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    typealias NameAt = @convention(c) @Sendable (Object, Int, Object, NameResult) -> Object?
    typealias Names = UnsafePointer<UnsafePointer<CChar>?>

    let errorMessage: @convention(c) @Sendable (Object) -> UnsafePointer<CChar>
    let createEnvironment:
        @convention(c) @Sendable (
            _ severity: Int32, _ logName: UnsafePointer<CChar>, ObjectResult
        ) -> Object?
    let createSession:
        @convention(c) @Sendable (
            _ environment: Object, _ path: UnsafePointer<CChar>, _ options: Object, ObjectResult
        ) -> Object?
    let run:
        @convention(c) @Sendable (
            _ session: Object, _ options: Object?,
            _ inputNames: Names, _ inputs: UnsafePointer<Object?>, _ inputCount: Int,
            _ outputNames: Names, _ outputCount: Int, _ outputs: ObjectResult
        ) -> Object?
    let createTensor:
        @convention(c) @Sendable (
            _ memory: Object, _ values: UnsafeMutableRawPointer?, _ byteCount: Int,
            _ shape: UnsafePointer<Int64>, _ dimensionCount: Int, _ elementType: Int32,
            ObjectResult
        ) -> Object?
    let createMemoryInfo:
        @convention(c) @Sendable (_ allocator: Int32, _ memory: Int32, ObjectResult) -> Object?
    let defaultAllocator: Make
    let allocatorFree: @convention(c) @Sendable (Object, UnsafeMutableRawPointer) -> Object?

    let createSessionOptions: Make
    let setLogSeverity: SetNumber
    let setIntraOperatorThreadCount: SetNumber
    let setInterOperatorThreadCount: SetNumber

    let inputCount: Count
    let outputCount: Count
    let inputType: InnerAt
    let outputType: InnerAt
    let inputName: NameAt
    let outputName: NameAt
    let valueKind: Kind
    let tensorInfo: Inner
    let elementType: Kind
    let dimensionCount: Count
    let dimensions: @convention(c) @Sendable (Object, UnsafeMutablePointer<Int64>, Int) -> Object?
    let shapeOfValue: Inner
    let valueData:
        @convention(c) @Sendable (Object, UnsafeMutablePointer<UnsafeMutableRawPointer?>) -> Object?

    let releaseEnvironment: Release
    let releaseStatus: Release
    let releaseMemoryInfo: Release
    let releaseSession: Release
    let releaseValue: Release
    let releaseTypeInfo: Release
    let releaseTensorInfo: Release
    let releaseSessionOptions: Release

    /// Reads the table that `GetApi(1)` returned.
    init(slots: UnsafePointer<UnsafeRawPointer?>) {
        func slot<Function>(_ place: Int) -> Function {
            guard let address = slots[place] else {
                preconditionFailure("ONNX Runtime has no function in slot \(place).")
            }
            return unsafeBitCast(address, to: Function.self)
        }
        errorMessage = slot(2)
        createEnvironment = slot(3)
        createSession = slot(7)
        run = slot(9)
        createSessionOptions = slot(10)
        setLogSeverity = slot(22)
        setIntraOperatorThreadCount = slot(24)
        setInterOperatorThreadCount = slot(25)
        inputCount = slot(30)
        outputCount = slot(31)
        inputType = slot(33)
        outputType = slot(34)
        inputName = slot(36)
        outputName = slot(37)
        createTensor = slot(49)
        valueData = slot(51)
        tensorInfo = slot(55)
        valueKind = slot(56)
        elementType = slot(60)
        dimensionCount = slot(61)
        dimensions = slot(62)
        shapeOfValue = slot(65)
        createMemoryInfo = slot(69)
        allocatorFree = slot(76)
        defaultAllocator = slot(78)
        releaseEnvironment = slot(92)
        releaseStatus = slot(93)
        releaseMemoryInfo = slot(94)
        releaseSession = slot(95)
        releaseValue = slot(96)
        releaseTypeInfo = slot(98)
        releaseTensorInfo = slot(99)
        releaseSessionOptions = slot(100)
    }

    /// What a status says. The status is gone afterwards.
    func reason(releasing status: Object) -> String {
        defer { releaseStatus(status) }
        // Texts quote the model, which may hold any bytes: what is not UTF-8 is replaced.
        return String(cString: errorMessage(status))
    }
}

/// The runtime's numbers for things, as far as we name them.
enum OnnxRuntimeNumber {
    /// Interface version that we ask for: the first, since its places never move.
    static let interfaceVersion: UInt32 = 1
    /// Log severity 4: fatal only. Every error comes back as a status with the same words; at
    /// severity 3 the runtime would also print it on standard error, once for each bad request.
    static let severityFatal: Int32 = 4
    /// One thread inside a run: requests are many and small, so they run beside each other instead.
    static let threadCount: Int32 = 1
    /// The kind of a value that is a plain tensor.
    static let tensorKind: Int32 = 1
    /// Memory from the arena, of the default kind.
    static let arenaAllocator: Int32 = 1
    static let defaultMemory: Int32 = 0

    /// What a value that is no tensor is called in a refusal.
    static func name(ofKind kind: Int32) -> String {
        switch kind {
        case 2: "sequence"
        case 3: "map"
        case 4: "opaque"
        case 5: "sparse tensor"
        case 6: "optional"
        default: "unknown kind \(kind)"
        }
    }

    /// What an element type that is not served is called in a refusal.
    static func name(ofElementType number: Int32) -> String {
        let names: [Int32: String] = [
            2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 8: "string", 10: "float16",
            12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
        ]
        return names[number] ?? "element type \(number)"
    }
}

extension TensorElementType {
    /// The runtime's number for this type.
    var runtimeNumber: Int32 {
        switch self {
        case .float32: 1
        case .int32: 6
        case .int64: 7
        case .boolean: 9
        case .float64: 11
        }
    }

    init?(runtimeNumber: Int32) {
        guard let type = Self.allCases.first(where: { $0.runtimeNumber == runtimeNumber }) else {
            return nil
        }
        self = type
    }
}
