// Tags, scenarios, and how calls are heard, under the names that the console has for them.
import type { CallWithRecording } from './types';
import type { components } from './schema';

type Schemas = components['schemas'];

/** A call-handling scenario. Calls, routes and lists name it by its code. */
export type Scenario = Required<Schemas['scenarios']>;
/** A group of tags. `rates`: calls with a recording are to be rated in it; a server that does not know of that says nothing. */
export type TagGroup = Required<Schemas['tag_groups']> & { rates?: boolean };
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
export type HeardCall = Omit<CallWithRecording, 'tags'> & { tags?: ShownTag[] | null };

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

/** How many tags were set and taken off. What the rows are not told by is absent from each. */
export interface TagStatistics {
    from: string;
    to: string;
    rows: TagLine[];
    totals: { set: number; unset: number };
}

export interface TagLine {
    day?: string;
    /** Null: the program. */
    user?: string | null;
    user_name?: string;
    tag?: string;
    tag_name?: string;
    colour?: string;
    group?: string;
    group_name?: string;
    scenario?: string | null;
    set: number;
    /** Taken off, or replaced by another one of an exclusive group. */
    unset: number;
}

/** How much was listened to. */
export interface ListeningStatistics {
    from: string;
    to: string;
    rows: ListeningLine[];
    totals: ListeningSums;
}

export interface ListeningSums {
    opened: number;
    /** How many calls came to count as listened to. */
    completed: number;
    heard_ms: number;
}

export interface ListeningLine extends ListeningSums {
    day?: string;
    user_id?: string;
    user_name?: string;
    scenario?: string;
}
