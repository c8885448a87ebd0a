// What has changed a moment ago, marked where it stands.
import Box from '@mui/material/Box';
import Tooltip from '@mui/material/Tooltip';
import { createContext, useContext } from 'react';
import { useCode, useFormat } from '@/i18n';
import { useNow } from '@/ui/values';
import type { PhoneNews } from './news';

/** For how long a change is marked, in milliseconds. */
const RECENT_MS = 60_000;

/** The last thing that happened to each slot's phone, by the slot's id. */
export const RecentContext = createContext<ReadonlyMap<string, PhoneNews>>(new Map());

/** Says quietly that something has happened to a slot's phone; the place is kept where nothing has. */
export function RecentMark({ slot }: { slot: string }) {
    const news = useContext(RecentContext).get(slot);
    return (
        <Box component="span" sx={{ display: 'inline-block', width: 14, pl: 0.75 }}>
            {news && <Mark news={news} />}
        </Box>
    );
}

function Mark({ news }: { news: PhoneNews }) {
    const code = useCode();
    const format = useFormat();
    const now = useNow(5000);
    if (now - news.at > RECENT_MS) return null;
    const words = `${code('phone_news', news.kind).replace(/:$/, '')}, ${format.time(news.at)}`;
    return (
        <Tooltip title={words}>
            <Box role="img" aria-label={words} component="span" sx={(theme) => ({ display: 'inline-block', width: 8, height: 8, borderRadius: '50%', bgcolor: theme.palette.tones[news.kind === 'went' ? 'bad' : news.kind === 'came' ? 'good' : 'wait'] })} />
        </Tooltip>
    );
}
