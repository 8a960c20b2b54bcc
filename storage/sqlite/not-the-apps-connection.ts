/** What `enqueueWithin()` says of a connection that it cannot join. */

export function notTheAppsConnection(): TypeError {
  return new TypeError(
    'enqueueWithin: the connection is not the one given to sqliteStorage({ database })',
  )
}
