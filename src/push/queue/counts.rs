//! What became of all pushes.

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What became of the pushes since the start.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Counts {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counts {
            /// Each with its name.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }
        }
    };
}

counts! {
    /// Taken by a push service.
    accepted,
    /// The subscription was gone, and was forgotten.
    gone,
    /// Refused for good by a push service.
    refused,
    /// Not sent, because the host is not public.
    forbidden,
    /// Tried again.
    retried,
    /// Given up after all tries, or because the time was over.
    given_up,
    /// Made needless by a newer one before it was sent.
    replaced,
    /// Dropped because too many wait.
    queue_full,
    /// Calls that ring too often for their device.
    too_often,
    /// Dropped with their session or subscription.
    forgotten,
}
