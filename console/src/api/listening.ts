// Tags, scenarios, and how calls are heard, under the names that the console has for them.
import type { CallWithRecording } from './types';
import type { components } from './schema';

type Schemas = components['schemas'];

/** A call-handling scenario. Calls, routes and lists name it by its code. */
export type Scenario = Required<Schemas['scenarios']>;
export type TagGroup = Required<Schemas['tag_groups']>;
export type Tag = Required<Schemas['tags']>;
export type TagColour = Tag['colour'];

/** The tags of a call, of the groups that one sees, as they stand at a version. */
export type CallTags = Required<Schemas['CallTagsAnswer']>;
export type CallTag = Schemas['CallTagAnswer'];
/** What came of setting a tag or taking it off. */
export type Tagged = Schemas['TaggedAnswer'];

/** A call, with what listeners are told of it in lists. */
export type HeardCall = CallWithRecording & {
    /** The tags that it has, by their ids. */
    tags?: string[] | null;
};
