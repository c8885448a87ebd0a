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

/** A tag as a list of calls shows it; what is masked of tags is not there. */
export interface ShownTag {
    id: string;
    group_id?: string;
    name?: string;
    colour?: string;
}

/** A call, with what lists tell listeners of it. */
export type HeardCall = CallWithRecording & { tags?: ShownTag[] | null };

/** A person at the player of a call. */
export interface ListenSession {
    id: string;
    duration_ms: number;
    /** What they have heard of the call before, from and to in milliseconds. */
    heard: [number, number][];
    heard_ms: number;
    completed: boolean;
    report_every_s: number;
    stream?: { url: string; expires_in: number } | null;
}

/** What was heard since the last report. */
export interface HeardReport {
    /** From 1 on; one that was counted is answered again, and not counted twice. */
    seq: number;
    ranges: [number, number][];
    position_ms: number;
    speed: number;
    ended?: boolean;
}

export interface HeardAnswer {
    /** In this session, and in all of the call. */
    heard_ms: number;
    all_heard_ms: number;
    completed: boolean;
    /** What cannot have been heard and was not counted. */
    trimmed_ms: number;
}
