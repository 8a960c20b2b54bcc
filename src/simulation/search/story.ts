/** A story that a plan may tell: its steps, the options that it needs, and the marks that it steers to. */
import type { StoryConfig, Tale } from './plan-tale.ts'

export interface Story {
  /** The marks of pairs that it is there for. */
  readonly steersTo: readonly string[]
  readonly config?: StoryConfig
  readonly needs?: 'requirementSource' | 'storms'
  readonly tell: (tale: Tale) => void
}
