/** The type of a payload as it is stored: as JSON. A `Date` is a text there, and a field of a class instance a plain field. */
import type { StandardSchemaV1 } from '@standard-schema/spec'

/** The type of a value after `JSON.stringify()` and `JSON.parse()`. */
type AsJson<Value> = Value extends string | number | boolean | null | undefined
  ? Value
  : Value extends { toJSON(): infer Made }
    ? AsJson<Made>
    : Value extends object
      ? { [Key in keyof Value]: AsJson<Value[Key]> }
      : Value

/** The output of the schema as JSON, or its input where the schema does not take its own output again (Q14). */
export type StoredPayload<Schema extends StandardSchemaV1> =
  AsJson<StandardSchemaV1.InferOutput<Schema>> | AsJson<StandardSchemaV1.InferInput<Schema>>
