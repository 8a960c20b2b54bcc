/** The keys that a scenario may have at a place, by its schema. */
import { z } from 'zod'
import { scenarioSchema } from './scenario.ts'

/** Of all alternatives there; none: nothing with keys is there. */
export function keysAt(path: readonly PropertyKey[]): readonly string[] {
  let schemas: readonly unknown[] = alternatives(scenarioSchema)
  for (const part of path) schemas = schemas.flatMap((schema) => within(schema, part))
  return schemas.flatMap((schema) =>
    schema instanceof z.ZodObject ? Object.keys(schema.shape) : [],
  )
}

function within(schema: unknown, part: PropertyKey): readonly unknown[] {
  if (schema instanceof z.ZodArray) return alternatives(schema.element)
  if (schema instanceof z.ZodRecord) return alternatives(schema.valueType)
  if (!(schema instanceof z.ZodObject) || !Object.hasOwn(schema.shape, part)) return []
  return alternatives((schema.shape as Readonly<Record<PropertyKey, unknown>>)[part])
}

/** The schemas of which one must fit. An absent value and null have no keys, and are left out. */
function alternatives(schema: unknown): readonly unknown[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) {
    return alternatives(schema.unwrap())
  }
  return schema instanceof z.ZodUnion ? schema.options.flatMap(alternatives) : [schema]
}
