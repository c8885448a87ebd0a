import PhoneInTalk from '@mui/icons-material/PhoneInTalk';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Typography from '@mui/material/Typography';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { useLocation, useNavigate } from 'react-router';
import { phone, useT } from '@/i18n';
import { Cards } from '@/live/cards';
import { CardsContext, useCards, useFollowCards, useHasDesk } from '@/live/useCards';
import { useServices } from '@/providers/services';
import { useKeys } from '@/ui/keys/useKeys';
import { useWho } from '@/ui/crm/who';
import { Ticking } from '@/ui/values';

/** Keeps the cards of one's calls above all pages, and shows on each page that one rings. For who works at the desk; nobody else's console listens. */
export function CardsLayer({ children }: { children: ReactNode }) {
    const { session } = useServices();
    const [cards] = useState(() => new Cards());
    useEffect(() => session.onChange(() => !session.isOpen && cards.clear()), [session, cards]);
    const hasDesk = useHasDesk();
    return (
        <CardsContext value={cards}>
            {children}
            {hasDesk && <ScreenPop cards={cards} />}
        </CardsContext>
    );
}

/** A call, on top of whatever page one is at. It takes neither the page nor the focus; it is read out once. */
function ScreenPop({ cards }: { cards: Cards }) {
    const t = useT();
    const navigate = useNavigate();
    const { pathname } = useLocation();
    const who = useWho();
    useFollowCards(cards);
    const { all } = useCards();
    const isAtDesk = pathname === '/desk';
    const card = all.findLast(({ state }) => state === 'ringing') ?? all.findLast(({ state }) => state !== 'gone' && state !== 'after') ?? all.at(-1);
    const name = card?.candidates.map(who).find(Boolean);
    const number = card?.number ? phone(card.number) : t('desk.no_number');
    const isRinging = card?.state === 'ringing';
    const go = () => {
        if (card) cards.select(card.callId);
        void navigate('/desk');
    };
    useKeys(t('desk.card'), card ? [{ on: 'KeyG', what: t('desk.to_card'), do: go }] : []);
    useRingingTitle(isRinging ? (name ?? number) : undefined);
    return (
        <>
            <Announcer callId={isRinging ? card.callId : undefined} text={t('desk.incoming', { who: [name, number].filter(Boolean).join(', ') })} ready={card?.complete === true} />
            {card && !isAtDesk && (
                <Box
                    role="region"
                    aria-label={t('desk.card')}
                    sx={{ position: 'fixed', top: 60, right: 16, zIndex: 1250, width: 320, maxWidth: 'calc(100vw - 32px)', p: 1.5, borderRadius: 1.5, border: 2, borderColor: isRinging ? 'warning.main' : 'primary.main', bgcolor: 'background.paper', boxShadow: '0 8px 28px rgb(0 0 0 / 22%)' }}
                >
                    <Box sx={{ display: 'flex', alignItems: 'center', gap: 1 }}>
                        <PhoneInTalk sx={{ fontSize: 18, color: isRinging ? 'warning.main' : 'primary.main' }} />
                        <Typography variant="h3" component="p" sx={{ flex: 1, minWidth: 0, overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' }}>
                            <bdi>{number}</bdi>
                        </Typography>
                        {card.state !== 'after' && card.state !== 'gone' && <Ticking since={card.since} />}
                    </Box>
                    <Typography variant="body2" sx={{ color: 'text.secondary', overflow: 'hidden', textOverflow: 'ellipsis' }}>
                        {t(`card_states.${card.state}`)}
                        {name && ': '}
                        {name && <bdi>{name}</bdi>}
                    </Typography>
                    <Button variant="outlined" onClick={go} sx={{ mt: 1 }}>
                        {t('desk.to_card')}
                    </Button>
                </Box>
            )}
        </>
    );
}

/** How long the name is waited for before the number alone is read out, in milliseconds. */
const NAME_MS = 400;

/** Reads out once that a call comes, with the name if that is known soon. */
function Announcer({ callId, text, ready }: { callId: string | undefined; text: string; ready: boolean }) {
    const [said, setSaid] = useState('');
    const last = useRef<string>(undefined);
    useEffect(() => {
        if (callId === undefined) return setSaid('');
        if (last.current === callId) return undefined;
        const timer = setTimeout(
            () => {
                last.current = callId;
                setSaid(text);
            },
            ready ? 0 : NAME_MS,
        );
        return () => clearTimeout(timer);
    }, [callId, text, ready]);
    if (!said) return null;
    return (
        <Box role="alert" sx={{ position: 'absolute', width: '1px', height: '1px', overflow: 'hidden', clipPath: 'inset(50%)', whiteSpace: 'nowrap' }}>
            {said}
        </Box>
    );
}

/** The window says who rings, for who looks elsewhere. */
function useRingingTitle(who: string | undefined): void {
    useEffect(() => {
        if (who === undefined) return undefined;
        const before = document.title;
        const ringing = `☎ ${who}`;
        document.title = ringing;
        return () => {
            if (document.title === ringing) document.title = before;
        };
    }, [who]);
}
