//! What people who were never there are called and what they say.

/// Numbers that look random and are the same in every run, so that two
/// measurements have the same database (Steele, Lea and Flood's SplitMix64).
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, or 0.
    pub(super) const fn below(&mut self, end: usize) -> usize {
        let end = end as u64;
        match self.next().checked_rem(end) {
            Some(number) => number as usize,
            None => 0,
        }
    }

    /// A number below `end`, small ones more often: a few people write most.
    pub(super) const fn skewed(&mut self, end: usize) -> usize {
        let bound = self.below(end) + 1;
        self.below(bound)
    }

    pub(super) const fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick(&mut self, words: &[&'static str]) -> &'static str {
        words.get(self.below(words.len())).copied().unwrap_or("")
    }
}

const GIVEN: &[(&str, &str)] = &[
    ("sara", "سارا"),
    ("omid", "امید"),
    ("neda", "ندا"),
    ("reza", "رضا"),
    ("mina", "مینا"),
    ("ali", "علی"),
    ("leila", "لیلا"),
    ("kaveh", "کاوه"),
    ("shirin", "شیرین"),
    ("babak", "بابک"),
    ("zahra", "زهرا"),
    ("hossein", "حسین"),
    ("parisa", "پریسا"),
    ("arash", "آرش"),
    ("maryam", "مریم"),
    ("navid", "نوید"),
];

const FAMILY: &[&str] = &[
    "احمدی",
    "کریمی",
    "محمدی",
    "رضایی",
    "موسوی",
    "حسینی",
    "صادقی",
    "مرادی",
    "نوری",
    "جعفری",
    "رستمی",
    "یزدانی",
];

const PERSIAN: &[&str] = &[
    "سلام، خوبی؟",
    "سلام عزیزم",
    "ممنون، تو چطوری؟",
    "کی می‌رسی؟",
    "نیم ساعت دیگه اونجام",
    "باشه، منتظرتم",
    "امروز خیلی ترافیک بود",
    "فردا وقت داری حرف بزنیم؟",
    "شب زنگ می‌زنم",
    "عکس‌ها رو دیدی؟",
    "آره، خیلی قشنگ بودن",
    "نون و پنیر هم بگیر لطفاً",
    "جلسه به ساعت ۱۰ منتقل شد",
    "چشم",
    "دستت درد نکنه",
    "مامان سلام می‌رسونه",
    "این هفته سرم خیلی شلوغه",
    "کتابی که گفتی رو پیدا کردم",
    "قیمتش چقدر شد؟",
    "۲۵۰ هزار تومن",
    "نه بابا، جدی؟",
    "هوا داره سرد می‌شه، لباس گرم بپوش",
    "نتونستم وصل بشم، اینترنت قطع بود",
    "فایل رو برات فرستادم، نگاه کن اگر چیزی کم بود بگو تا درستش کنم",
    "تولدت مبارک! صد سال زنده باشی",
    "خداحافظ، شب بخیر",
];

const ENGLISH: &[&str] = &[
    "Hi, how are you?",
    "On my way",
    "See you at 6 then",
    "Did you get the tickets?",
    "Not yet, the page keeps failing",
    "Can you call me when you are free?",
    "The build is green again",
    "I will be ten minutes late, sorry",
    "That sounds good to me",
    "Let me check and come back to you",
    "The address is at the end of the street, second door on the left",
    "Thanks a lot!",
    "No problem",
    "Which version are you running?",
    "It works on the phone but not on the laptop",
    "Happy birthday!",
    "Could you send the notes of the meeting to everyone before tomorrow noon?",
    "ok",
    "😂",
    "👍",
];

/// The name person `number` registers with.
pub(super) fn username(number: u32) -> String {
    format!("{}_{number}", given(number).0)
}

/// The name to show of person `number`; some have none.
pub(super) fn display_name(number: u32, random: &mut Random) -> Option<String> {
    let persian = given(number).1;
    random
        .chance(80)
        .then(|| format!("{persian} {}", random.pick(FAMILY)))
}

/// The given name of person `number`, counted from 1.
fn given(number: u32) -> (&'static str, &'static str) {
    let number = usize::try_from(number).unwrap_or_default();
    let index = number.saturating_sub(1) % GIVEN.len();
    GIVEN.get(index).copied().unwrap_or_default()
}

/// One to three sentences of one language.
pub(super) fn text(persian: bool, random: &mut Random) -> String {
    let sentences = if persian { PERSIAN } else { ENGLISH };
    let mut text = random.pick(sentences).to_owned();
    while random.chance(25) && text.len() < 300 {
        text.push_str(if random.chance(30) { "\n" } else { " " });
        text.push_str(random.pick(sentences));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::accounts::check_name;

    #[test]
    fn every_person_has_a_name_of_their_own_that_may_be_registered() {
        let names: Vec<String> = (1..=5_000).map(username).collect();
        for name in &names {
            assert_eq!(check_name(name), Ok(name.as_str()));
        }
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        assert!(check_name(&username(u32::MAX)).is_ok());
    }

    #[test]
    fn texts_are_the_same_in_every_run_and_of_one_language() {
        let write = |persian| {
            let mut random = Random::new(7);
            (0..500)
                .map(|_| text(persian, &mut random))
                .collect::<Vec<_>>()
        };
        assert_eq!(write(true), write(true));
        let arabic = |text: &str| text.chars().any(|c| ('\u{600}'..='\u{6ff}').contains(&c));
        assert!(write(true).iter().all(|text| arabic(text)));
        assert!(!write(false).iter().any(|text| arabic(text)));
        assert!(write(true).iter().collect::<BTreeSet<_>>().len() > 50);
    }
}
