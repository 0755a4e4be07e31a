
use builtin;
use str;

set edit:completion:arg-completer[mtl] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'mtl'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'mtl'= {
            cand --color 'When to use color'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
            cand completions 'Print the completion script of a shell'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mtl;completions'= {
            cand --color 'When to use color'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mtl;help'= {
            cand completions 'Print the completion script of a shell'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mtl;help;completions'= {
        }
        &'mtl;help;help'= {
        }
    ]
    $completions[$command]
}
