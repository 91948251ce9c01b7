// Values with a name, a type and a shape: what goes into a model and what comes out.
//
// Invariants:
//  * There are exactly as many values as the product of the shape's sizes.
//  * Values are row-major: the last dimension moves fastest, so a row lies together.
//  * Values are the model's own bits. Nothing here rounds, widens or orders them; NaN stays NaN.

/// One named input or output of one run.
package struct Tensor: Hashable, Sendable {
    /// The values by element type, contiguous.
    package enum Values: Hashable, Sendable {
        case float32([Float])
        case float64([Double])
        case int64([Int64])
        case int32([Int32])
        case boolean([Bool])

        package var elementType: TensorElementType {
            switch self {
            case .float32: .float32
            case .float64: .float64
            case .int64: .int64
            case .int32: .int32
            case .boolean: .boolean
            }
        }

        /// Of all elements, over all dimensions.
        package var count: Int {
            switch self {
            case .float32(let values): values.count
            case .float64(let values): values.count
            case .int64(let values): values.count
            case .int32(let values): values.count
            case .boolean(let values): values.count
            }
        }
    }

    package let name: String
    /// Sizes, outermost first. Empty for a single value.
    package let shape: [Int]
    package let values: Values

    /// `shape` must account for every value; the caller counted both.
    package init(name: String, shape: [Int], values: Values) {
        precondition(
            shape.allSatisfy { $0 >= 0 } && shape.reduce(1, *) == values.count,
            "A tensor has as many values as its shape says.")
        self.name = name
        self.shape = shape
        self.values = values
    }

    package var elementType: TensorElementType { values.elementType }
}
